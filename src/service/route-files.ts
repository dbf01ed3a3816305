import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import autoload from '@fastify/autoload'
import type { FastifyInstance } from 'fastify'

/** Where the files lie unless it is said otherwise: beside `src/`. */
export const ROUTES = fileURLToPath(new URL('../../routes/', import.meta.url))

// Also where a build has put declarations and maps beside its code.
const ROUTE_FILE = /^(?!.*\.(?:d|test|spec)\.[cm]?[jt]s$).*\.[cm]?[jt]s$/i
const OURS = /^(?:health|samples)\.[jt]s$/
const SAMPLES = /^\/samples\.[jt]s$/
const NOTHING = /$^/

/** Whether there is a file of routes besides those that the project comes with. */
export async function hasRouteFiles (dir: string): Promise<boolean> {
  return (await readdir(dir, { recursive: true })).some(isTheirs)
}

/**
 * Registers every file of the folder; the samples only where they are asked for.
 *
 * @param load whether the samples are asked by a gentle load
 */
export async function registerRouteFiles (app: FastifyInstance, dir: string, samples: boolean, load: boolean): Promise<void> {
  // Run from source, something strips the types already; autoload knows of tsx only where it came by --require.
  if (import.meta.url.endsWith('.ts')) process.env['FASTIFY_AUTOLOAD_TYPESCRIPT'] ??= '1'
  await app.register(autoload, {
    dir,
    scriptPattern: ROUTE_FILE,
    // A file of those names would hide its neighbours, or be skipped: here every file is one of routes.
    indexPattern: NOTHING,
    autoHooksPattern: NOTHING,
    ignoreFilter: samples ? NOTHING : SAMPLES,
    // Beside the samples there is only ours.
    ...samples ? { options: { load } } : undefined,
    forceESM: true
  })
}

function isTheirs (path: string): boolean {
  return ROUTE_FILE.test(path) && !OURS.test(path)
}
