import { realpathSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'

/** Extension of this process's modules: `.js` in the compiled copy of `npm test`, `.ts` if tsx runs the sources. */
export const EXTENSION = extname(import.meta.filename)

/** The root of the repository with its sources. The compiled copy has links to everything else in it. */
export const REPOSITORY = dirname(realpathSync(join(import.meta.dirname, '../tsconfig.json')))

/** Arguments for node to run a module, compiled or by tsx as this process is. @param path without extension */
export function program (path: string): string[] {
  return [...(EXTENSION === '.ts' ? ['--import=tsx'] : []), path + EXTENSION]
}
