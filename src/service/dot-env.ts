import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { EnvironmentError } from './environment-error.js'

const NAME = /^[a-z_][\w.-]*$/i
// Node's parser drops a last line without `=`. Any other such line becomes part of the next name.
const AFTER_THE_LAST_LINE = '_AFTER_THE_LAST_LINE'

/**
 * The variables of a .env file; none where there is no file. Throws EnvironmentError for a file that cannot be read, and for a line that is
 * not NAME=value. The message has no value: it may be a secret.
 *
 * @param path relative to the working directory
 */
export function readDotEnv (path: string): NodeJS.Dict<string> {
  const text = textOf(path)
  if (text === undefined) return {}
  const variables = parseEnv(`${text}\n${AFTER_THE_LAST_LINE}=`)
  delete variables[AFTER_THE_LAST_LINE]
  for (const name of Object.keys(variables)) {
    if (!NAME.test(name)) throw new EnvironmentError(`${path}: the line that begins with ${JSON.stringify(firstWord(name))} is not NAME=value; write one variable on each line`)
  }
  return variables
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

function firstWord (name: string): string {
  return /^\s*([\w.-]*)/.exec(name)![1]!
}
