import { createServer } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { gateway } from '../../plugins/gateway.js'
import { proxy } from '../../plugins/proxy.js'
import { AccessLog } from './access-log.js'
import { EnvironmentError } from './environment-error.js'
import type { Environment } from './environment.js'
import { loggerOf } from './logger.js'
import type { LoggerOptions } from './logger.js'
import { tellElsewhere } from '../forward/request-log.js'
import { passRequestIds, requestIdOf } from './request-id.js'
import { ROUTES, hasRouteFiles, registerRouteFiles } from './route-files.js'

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
 * only where there is nothing else to proxy.
 *
 * Throws EnvironmentError for an upstream that cannot be registered, and in production where there is nothing to proxy.
 */
export async function buildApp (environment: Environment, overrides: Overrides = {}): Promise<FastifyInstance> {
  const { upstreams, trustProxy } = environment
  const dir = overrides.routes ?? ROUTES
  const samples = upstreams.length === 0 && !await hasRouteFiles(dir)
  if (samples && environment.production) {
    throw new EnvironmentError(
      'UPSTREAMS: is not set and routes/ holds no file of yours, so there is nothing to proxy; in production the samples never run'
    )
  }

  const accessLog = new AccessLog(environment.logSkipPaths)
  const app = Fastify({
    logger: loggerOf(environment, overrides.logger),
    logController: accessLog,
    genReqId: requestIdOf,
    // Answers as Fastify does without this option. With it, these errors are logged too.
    frameworkErrors: (error, _request, reply: FastifyReply) => { reply.send(error) },
    trustProxy,
    http: { connectionsCheckingInterval: DEADLINE_TICK }
  })
  tellElsewhere(app)
  accessLog.watch(app)
  try {
    await registerAll(app, environment, dir, samples)
    await app.ready()
  } catch (error) {
    // A sample backend that has started would keep the process alive.
    await app.close()
    throw error
  }
  return app
}

async function registerAll (app: FastifyInstance, environment: Environment, dir: string, samples: boolean): Promise<void> {
  await app.register(gateway, {
    undiciOptions: {
      keepAliveTimeout: environment.keepAliveTimeout,
      connections: environment.connections,
      headersTimeout: environment.headersTimeout,
      bodyTimeout: environment.bodyTimeout
    },
    drain: { deadline: environment.drainDeadline },
    log: { mask: environment.logMask },
    proxyStatus: environment.proxyStatus,
    via: environment.via,
    admin: environment.admin ?? (samples ? { port: await freePort(SAMPLES_ADMIN_PORT) } : undefined)
  })
  passRequestIds(app)
  await registerRouteFiles(app, dir, samples, environment.sampleLoad)
  for (const { prefix, upstream } of environment.upstreams) await registerUpstream(app, prefix, upstream)
}

/** The port, or 0 where it is taken on the loopback address. */
async function freePort (port: number): Promise<number> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(0)).listen(port, '127.0.0.1', () => probe.close(() => resolve(port)))
  })
}

async function registerUpstream (app: FastifyInstance, prefix: string, upstream: string): Promise<void> {
  try {
    await app.register(proxy, { prefix, upstream })
  } catch (error) {
    throw new EnvironmentError(`UPSTREAMS: ${prefix}=${upstream} cannot be registered: ${(error as Error).message}`, { cause: error })
  }
}
