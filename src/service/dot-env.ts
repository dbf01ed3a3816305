import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { EnvironmentError } from './environment-error.js'

const ASSIGNMENT = /^\s*(?:export\s+)?([a-z_][\w.-]*)\s*=(.*)$/i
const QUOTES = '"\'`'
const NO_ASSIGNMENT = 'is not NAME=value; write one variable on each line, and quotes around a value of several lines'
const BLANK_OR_COMMENT = /^\s*(?:#|$)/

/**
 * The variables of a .env file; none where there is no file. Throws EnvironmentError for a file that cannot be read, for a line that is not
 * NAME=value, and for a name that is set twice. The message has no value: it may be a secret.
 *
 * @param path relative to the working directory
 */
export function readDotEnv (path: string): NodeJS.Dict<string> {
  const text = textOf(path)
  if (text === undefined) return {}
  const fault = faultOf(text)
  if (fault === undefined) return parseEnv(text)
  throw new EnvironmentError(`${path}: ${fault}`)
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

/**
 * What is wrong with the first line that is not NAME=value, or that sets a name again; undefined where there is none. Node's parsers pass
 * over the former, or take it for a part of the next name, or of the value. Of the latter they take the last one.
 */
function faultOf (text: string): string | undefined {
  const lines = text.split(/\r?\n/)
  const numbers = new Map<string, number>()
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    if (BLANK_OR_COMMENT.test(line)) continue
    const [, name, rest] = ASSIGNMENT.exec(line) ?? []
    if (name === undefined || rest === undefined) return `${placeOf(line, i)} ${NO_ASSIGNMENT}`
    const first = numbers.get(name)
    if (first !== undefined) return `${name} is set in line ${first} and in line ${i + 1}; leave one of them out`
    numbers.set(name, i + 1)
    const value = rest.trimStart()
    const quote = value[0] ?? ' '
    if (!QUOTES.includes(quote) || value.includes(quote, 1)) continue
    // The value goes on to a later line.
    const end = lines.findIndex((later, at) => at > i && later.includes(quote))
    if (end === -1) return `${placeOf(line, i)} has a quote that nothing closes; close it, or leave it out`
    i = end
  }
  return undefined
}

/** A line by its number, and by its first word, unless it begins with another character. */
function placeOf (line: string, index: number): string {
  const word = /^\s*([\w.-]*)/.exec(line)![1]
  return `line ${index + 1}${word === '' ? '' : ` (${JSON.stringify(word)})`}`
}
