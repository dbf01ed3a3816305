import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const NAME = 'holdfast'

interface Manifest { readonly name?: string, readonly version: string }

/** The folder of the package, or of the repository: the nearest one above that has its package.json. */
export function packageFolder (): string {
  return nearest().folder
}

/** As package.json has it. */
export function packageVersion (): string {
  return nearest().manifest.version
}

// The sources, and what is built of them, lie at different depths, and a build has a package.json of its own, without a name.
function nearest (): { folder: string, manifest: Manifest } {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const manifest = manifestIn(folder)
    if (manifest?.name === NAME) return { folder, manifest }
    if (folder === dirname(folder)) throw new Error(`there is no package.json of ${NAME} above ${import.meta.dirname}`)
  }
}

function manifestIn (folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  } catch {
    return undefined
  }
}
