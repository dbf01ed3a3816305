import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import autoload from '@fastify/autoload'
import type { FastifyInstance } from 'fastify'

/** The default folder: `routes/`, beside `src/`. */
export const ROUTES = fileURLToPath(new URL('../../routes/', import.meta.url))

// A build puts declarations and source maps beside the code: those are left out.
const ROUTE_FILE = /^(?!.*\.(?:d|test|spec)\.[cm]?[jt]s$).*\.[cm]?[jt]s$/i
const OURS = /^(?:health|samples)\.[jt]s$/
const SAMPLES = /^\/samples\.[jt]s$/
const NOTHING = /$^/

/** The files of routes besides those of the project: paths in the folder, in order. */
export async function routeFilesIn (dir: string): Promise<string[]> {
  return (await readdir(dir, { recursive: true })).filter(isTheirs).sort()
}

/** Whether the folder has a file of routes besides those of the project. */
export async function hasRouteFiles (dir: string): Promise<boolean> {
  return (await routeFilesIn(dir)).length > 0
}

/**
 * Registers every file of the folder.
 *
 * @param samples whether the file of the sample backends is among them
 * @param load whether a low load is sent to the samples
 */
export async function registerRouteFiles (app: FastifyInstance, dir: string, samples: boolean, load: boolean): Promise<void> {
  // Run from source, a loader strips the types. autoload finds tsx only where it was loaded by --require, so it needs this variable.
  if (import.meta.url.endsWith('.ts')) process.env['FASTIFY_AUTOLOAD_TYPESCRIPT'] ??= '1'
  await app.register(autoload, {
    dir,
    scriptPattern: ROUTE_FILE,
    // autoload gives index and autohooks files a meaning of their own. Here every file is a file of routes.
    indexPattern: NOTHING,
    autoHooksPattern: NOTHING,
    ignoreFilter: samples ? NOTHING : SAMPLES,
    // The options go to every file. Where the samples run, the only other file is health, which takes no options.
    ...samples ? { options: { load } } : undefined,
    forceESM: true
  })
}

function isTheirs (path: string): boolean {
  return ROUTE_FILE.test(path) && !OURS.test(path)
}
