import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { EnvironmentError } from './environment-error.js'

const ASSIGNMENT = /^\s*(?:export\s+)?[a-z_][\w.-]*\s*=(.*)$/i
const QUOTES = '"\'`'
const BLANK_OR_COMMENT = /^\s*(?:#|$)/

/**
 * The variables of a .env file; none where there is no file. Throws EnvironmentError for a file that cannot be read, and for a line that is
 * not NAME=value. The message has no value: it may be a secret.
 *
 * @param path relative to the working directory
 */
export function readDotEnv (path: string): NodeJS.Dict<string> {
  const text = textOf(path)
  if (text === undefined) return {}
  const fault = faultOf(text)
  if (fault === undefined) return parseEnv(text)
  const word = JSON.stringify(/^\s*([\w.-]*)/.exec(fault.line)![1])
  throw new EnvironmentError(`${path}: the line that begins with ${word} ${fault.why}`)
}

/** Sets what a .env file says in the environment of this process, where it says nothing else: route files read their variables there. */
export function loadDotEnv (path: string): void {
  for (const [name, value] of Object.entries(readDotEnv(path))) process.env[name] ??= value
}

function textOf (path: string): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new EnvironmentError(`${path} cannot be read: ${(error as Error).message}`)
  }
  // PowerShell writes UTF-16.
  if (/[\0\uFFFD]/.test(text)) throw new EnvironmentError(`${path} is no UTF-8 text; save it as UTF-8`)
  return text.replace(/^\uFEFF/, '')
}

/** The first line that is not NAME=value. Node's parsers pass over such a line, or take it for a part of the next name, or of the value. */
function faultOf (text: string): { readonly line: string, readonly why: string } | undefined {
  const lines = text.split(/\r?\n/)
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    if (BLANK_OR_COMMENT.test(line)) continue
    const value = ASSIGNMENT.exec(line)?.[1]?.trimStart()
    if (value === undefined) return { line, why: 'is not NAME=value; write one variable on each line' }
    const quote = value[0] ?? ' '
    if (!QUOTES.includes(quote) || value.includes(quote, 1)) continue
    // The value goes on to a later line.
    const end = lines.findIndex((later, at) => at > i && later.includes(quote))
    if (end === -1) return { line, why: 'has a quote that nothing closes; close it, or leave it out' }
    i = end
  }
  return undefined
}
