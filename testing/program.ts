import { realpathSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'

/** Of the modules of this process: `.js` where all is compiled, as `npm test` has it, `.ts` where tsx runs the sources. */
export const EXTENSION = extname(import.meta.filename)

/** Where the sources are: what is compiled has a place of its own, with links to all else that is here. */
export const REPOSITORY = dirname(realpathSync(join(import.meta.dirname, '../tsconfig.json')))

/** Arguments for node to run a module, a path without extension, as this process is run. */
export function program (path: string): string[] {
  return [...(EXTENSION === '.ts' ? ['--import=tsx'] : []), path + EXTENSION]
}
