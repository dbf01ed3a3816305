import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { EnvironmentError } from './environment-error.js'

/**
 * The variables of a .env file; none where there is no file. Throws EnvironmentError for a file that cannot be read.
 *
 * @param path relative to the working directory
 */
export function readDotEnv (path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new EnvironmentError(`${path} cannot be read: ${(error as Error).message}`)
  }
}
