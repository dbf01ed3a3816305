import { readdir } from 'node:fs/promises'
import { join, sep } from 'node:path'
import autoload from '@fastify/autoload'
import type { FastifyInstance } from 'fastify'
import { health } from '../../plugins/health.js'
import { EnvironmentError } from './environment-error.js'

/** The microservice's own routes: `routes/`, beside `src/`. In a clone, a user's route files are there too. */
export const ROUTES = join(import.meta.dirname, '../../routes')

// Declarations and tests beside them are none.
const ROUTE_FILE = /^(?!.*\.(?:d|test|spec)\.[cm]?[jt]s$).*\.[cm]?[jt]s$/i
const OURS = /^(?:health|samples)\.[jt]s$/
const HEALTH = /^health\.[cm]?[jt]s$/
const INSTALLED = 'node_modules'
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

/** Whether the folder has the file of the sample backends. */
export async function hasSamples (dir: string): Promise<boolean> {
  return (await readdir(dir)).some(name => SAMPLES.test(`/${name}`))
}

/**
 * Registers every file of the folder, and the health routes, unless a file of it takes their place.
 *
 * @param samples whether the file of the sample backends is among them
 * @param load whether a low load is sent to the samples
 *
 * Throws EnvironmentError for a TypeScript file that Node does not run.
 */
export async function registerRouteFiles (app: FastifyInstance, dir: string, samples: boolean, load: boolean): Promise<void> {
  // autoload refuses TypeScript where it knows of no loader, and it knows of few. Node itself refuses what it cannot load.
  process.env['FASTIFY_AUTOLOAD_TYPESCRIPT'] ??= '1'
  if (dir !== ROUTES && !(await readdir(dir)).some(name => HEALTH.test(name))) await app.register(health)
  await loaded(app.register(autoload, {
    dir,
    scriptPattern: ROUTE_FILE,
    // autoload gives index and autohooks files a meaning of their own. Here every file is a file of routes.
    indexPattern: NOTHING,
    autoHooksPattern: NOTHING,
    // A folder that is a package, as in `--routes .`, has those of others below it.
    ignorePattern: /(?:^|\/)node_modules$/,
    ignoreFilter: samples ? NOTHING : SAMPLES,
    // The options go to every file. Where the samples run, the only other file is health, which takes no options.
    ...samples ? { options: { load } } : undefined,
    forceESM: true
  }))
}

async function loaded (registered: PromiseLike<unknown>): Promise<void> {
  try {
    await registered
  } catch (error) {
    const { code, message } = (error ?? {}) as NodeJS.ErrnoException
    if (code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error
    throw new EnvironmentError(`${/ for (.+)$/.exec(message)?.[1]}: Node ${process.versions.node} runs no TypeScript; compile the file, ` +
      'set NODE_OPTIONS=--import=tsx, or use Node 22.18 or later', { cause: error })
  }
}

function isTheirs (path: string): boolean {
  return ROUTE_FILE.test(path) && !OURS.test(path) && !path.split(sep).includes(INSTALLED)
}
