import { dirname, join } from 'node:path'
import { buildSync } from 'esbuild'
import { compile } from '../instruments/compiled.js'

export interface Processes {
  /** The package, compiled: its entry. */
  readonly entry: string
  /** The programs of the child processes. */
  readonly gateway: string
  readonly fleet: string
}

let made: Processes | undefined

/**
 * The programs that a measurement starts. They are bundled, since they are started often and tsx takes longer to start than they do.
 * The first call holds up the process, so it comes before any measurement.
 */
export function processes (): Processes {
  if (made !== undefined) return made
  const entry = compile()
  // Beside the package, so that they find its dependencies.
  const outdir = join(dirname(entry), 'processes')
  const names = ['endpoints-gateway-process', 'fleet-process'] as const
  buildSync({
    entryPoints: names.map(name => join(import.meta.dirname, `${name}.ts`)),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20'
  })
  const [gateway = '', fleet = ''] = names.map(name => join(outdir, `${name}.mjs`))
  made = { entry, gateway, fleet }
  return made
}
