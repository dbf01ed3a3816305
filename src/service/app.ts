import { createServer } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { gateway } from '../../plugins/gateway.js'
import { proxy } from '../../plugins/proxy.js'
import { addToWarnings } from '../gateway/registration-warnings.js'
import type { AffinityOption } from '../options/affinity-option.js'
import { AccessLog } from './access-log.js'
import { EnvironmentError } from './environment-error.js'
import type { Environment } from './environment.js'
import { givenOptions } from './given-options.js'
import { loggerOf } from './logger.js'
import type { LoggerOptions } from './logger.js'
import { tellElsewhere } from '../forward/request-log.js'
import { passRequestIds, requestIdOf } from './request-id.js'
import { ROUTES, hasSamples, registerRouteFiles, routeFilesIn } from './route-files.js'
import { runsSamples } from './samples-wanted.js'
import { warnOfSettings } from './settings-warnings.js'
import { tellStart } from './start-lines.js'
import type { UpstreamEntry } from './upstream-entry.js'
import { givenWords } from './variable-words.js'

interface Overrides {
  /**
   * The folder whose files are loaded.
   *
   * @defaultValue `routes/` beside `src/`
   */
  readonly routes?: string
  /** The level and the destination of the log. */
  readonly logger?: LoggerOptions
}

// No setting asked for this port, so the start does not fail where it is taken.
const SAMPLES_ADMIN_PORT = 9_090
// How often Node looks for clients whose headers are late, in ms. With its default, a client could take up to 30 s longer.
const DEADLINE_TICK = 500

/**
 * The microservice, ready to listen: the gateway, every file of `routes/`, and a proxy for each entry of UPSTREAMS. The sample backends run
 * only where there is nothing else to proxy, and nothing else is set. Once it listens, it logs what it serves.
 *
 * Throws EnvironmentError for an upstream that cannot be registered, and where there is nothing to proxy and the samples may not run.
 */
export async function buildApp (environment: Environment, overrides: Overrides = {}): Promise<FastifyInstance> {
  const { upstreams, trustProxy, clientKeepAliveTimeout } = environment
  const dir = overrides.routes ?? ROUTES
  const files = await routeFilesIn(dir)
  const samples = runsSamples(environment, { own: upstreams.length > 0 || files.length > 0, available: await hasSamples(dir) })

  const accessLog = new AccessLog(environment.logSkipPaths, environment.logMask)
  const app = Fastify({
    logger: loggerOf(environment, overrides.logger),
    logController: accessLog,
    genReqId: requestIdOf,
    // Answers as Fastify does without this option. With it, these errors are logged too.
    frameworkErrors: (error, _request, reply: FastifyReply) => { reply.send(error) },
    trustProxy,
    ...clientKeepAliveTimeout === undefined ? undefined : { keepAliveTimeout: clientKeepAliveTimeout },
    // The gateway's own rules refuse a request without Host, so that it has its line: Node would answer and tell of nothing.
    http: { connectionsCheckingInterval: DEADLINE_TICK, requireHostHeader: false }
  })
  tellElsewhere(app)
  accessLog.watch(app)
  addToWarnings(app, ({ route, found }) => route === 'gateway' ? givenWords(found, environment) : '')
  try {
    await registerAll(app, environment, dir, samples)
    tellStart(app, files)
    await app.ready()
    warnOfSettings(app, environment)
  } catch (error) {
    // A sample backend that has started would keep the process alive.
    await app.close()
    throw error
  }
  return app
}

async function registerAll (app: FastifyInstance, environment: Environment, dir: string, samples: boolean): Promise<void> {
  await app.register(gateway, {
    ...givenOptions(environment),
    admin: environment.admin ?? (samples ? { port: await freePort(SAMPLES_ADMIN_PORT) } : undefined)
  })
  passRequestIds(app)
  await registerRouteFiles(app, dir, samples, environment.sampleLoad)
  for (const entry of environment.upstreams) await registerUpstream(app, entry, environment)
}

/** The port, or 0 where it is taken on the loopback address. */
async function freePort (port: number): Promise<number> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(0)).listen(port, '127.0.0.1', () => probe.close(() => resolve(port)))
  })
}

async function registerUpstream (app: FastifyInstance, entry: UpstreamEntry, environment: Environment): Promise<void> {
  const { prefix, upstream, rewritePrefix } = entry
  const { websocket } = environment
  const affinity = affinityOf(prefix, environment)
  try {
    await app.register(proxy, { prefix, upstream, websocket, affinity, ...rewritePrefix === undefined ? undefined : { rewritePrefix } })
  } catch (error) {
    const shown = `${prefix}=${[upstream].flat().join('|')}`
    throw new EnvironmentError(`UPSTREAMS: ${shown} cannot be registered: ${(error as Error).message}`, { cause: error })
  }
}

/** Each prefix has a cookie of its own: two targets with one cookie would overwrite each other's. undefined: the gateway's own affinity. */
function affinityOf (prefix: string, { affinity, upstreams }: Environment): AffinityOption | undefined {
  if (upstreams.length < 2 || affinity === undefined || !('cookie' in affinity)) return undefined
  const slug = prefix.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '')
  return { ...affinity, cookie: `${affinity.cookie}-${slug === '' ? 'root' : slug}` }
}
