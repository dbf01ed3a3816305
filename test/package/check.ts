import type { Tarball } from './packed.js'

/** One thing that a user of the package does. Rejects where it does not work. */
export interface Check {
  readonly name: string
  readonly run: (tarball: Tarball) => Promise<void>
}
