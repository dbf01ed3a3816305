import { createServer } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyServerOptions } from 'fastify'
import { gateway } from '../../plugins/gateway.js'
import { proxy } from '../../plugins/proxy.js'
import { AccessLog } from './access-log.js'
import { EnvironmentError } from './environment-error.js'
import type { Environment } from './environment.js'
import { tellElsewhere } from '../forward/request-log.js'
import { passRequestIds, requestIdOf } from './request-id.js'
import { ROUTES, hasRouteFiles, registerRouteFiles } from './route-files.js'

interface Overrides {
  /** The folder whose files are loaded. Default: `routes/` beside `src/`. */
  readonly routes?: string
  readonly logger?: FastifyServerOptions['logger']
}

// Nobody has been asked for one there, and nobody is to be turned away for it.
const SAMPLES_ADMIN_PORT = 9_090
// How often node looks for clients whose headers are overdue, in ms; its own 30 s would let them have twice their time.
const DEADLINE_TICK = 500

/**
 * The microservice, ready to listen: the gateway, every file of `routes/`, and a proxy for each of UPSTREAMS. The sample backends are
 * there only while there is nothing else to proxy.
 *
 * Throws EnvironmentError for an upstream that cannot be registered, and in production where there is nothing to proxy.
 */
export async function buildApp (environment: Environment, overrides: Overrides = {}): Promise<FastifyInstance> {
  const { upstreams, trustProxy } = environment
  const dir = overrides.routes ?? ROUTES
  const samples = upstreams.length === 0 && !await hasRouteFiles(dir)
  if (samples && environment.production) {
    throw new EnvironmentError('UPSTREAMS: is not set and routes/ holds no file of yours, so there is nothing to proxy; in production the samples never run')
  }

  const app = Fastify({
    logger: overrides.logger ?? loggerOf(environment),
    logController: new AccessLog(),
    genReqId: requestIdOf,
    // As they are without it, and logged too.
    frameworkErrors: (error, _request, reply: FastifyReply) => { reply.send(error) },
    trustProxy,
    http: { connectionsCheckingInterval: DEADLINE_TICK }
  })
  tellElsewhere(app)
  try {
    await registerAll(app, environment, dir, samples)
    await app.ready()
  } catch (error) {
    // What had started by then, a sample perhaps, would keep the process.
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
    proxyStatus: environment.proxyStatus,
    via: environment.via,
    admin: environment.admin ?? (samples ? { port: await freePort(SAMPLES_ADMIN_PORT) } : undefined)
  })
  passRequestIds(app)
  await registerRouteFiles(app, dir, samples, environment.sampleLoad)
  for (const { prefix, upstream } of environment.upstreams) await registerUpstream(app, prefix, upstream)
}

/** That port of this machine alone, or 0 where somebody has it. */
async function freePort (port: number): Promise<number> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(0)).listen(port, '127.0.0.1', () => probe.close(() => resolve(port)))
  })
}

function loggerOf ({ logLevel }: Environment): FastifyServerOptions['logger'] {
  return process.stdout.isTTY ? { level: logLevel, transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', singleLine: true } } } : { level: logLevel }
}

async function registerUpstream (app: FastifyInstance, prefix: string, upstream: string): Promise<void> {
  try {
    await app.register(proxy, { prefix, upstream })
  } catch (error) {
    throw new EnvironmentError(`UPSTREAMS: ${prefix}=${upstream} cannot be registered: ${(error as Error).message}`, { cause: error })
  }
}
