import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// From the source, and from the build; a package.json without a version only says how the build is loaded.
const PLACES = ['../..', '../../..']

/** The version of this package. */
export function packageVersion (): string {
  for (const place of PLACES) {
    const path = join(import.meta.dirname, place, 'package.json')
    const { version } = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) as { version?: string } : {}
    if (version !== undefined) return version
  }
  return 'unknown'
}
