import { readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import autoload from '@fastify/autoload'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyServerOptions } from 'fastify'
import { gateway } from '../../plugins/gateway.js'
import { proxy } from '../../plugins/proxy.js'
import { AccessLog } from './access-log.js'
import { EnvironmentError } from './environment.js'
import type { Environment } from './environment.js'
import { tellElsewhere } from '../forward/request-log.js'
import { REQUEST_ID, requestIdOf, setRequestId } from './request-id.js'

interface Overrides {
  /** The folder whose files are loaded. Default: `routes/` beside `src/`. */
  readonly routes?: string
  readonly logger?: FastifyServerOptions['logger']
}

const ROUTES = fileURLToPath(new URL('../../routes/', import.meta.url))
// Also where a build has put declarations and maps beside its code.
const ROUTE_FILE = /^(?!.*\.(?:d|test|spec)\.[cm]?[jt]s$).*\.[cm]?[jt]s$/i
const OURS = /^(?:health|samples)\.[jt]s$/
const SAMPLES = /^\/samples\.[jt]s$/
const NOTHING = /$^/
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
  const samples = upstreams.length === 0 && !(await readdir(dir, { recursive: true })).some(isTheirs)
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

/** Backends and clients are told the id under which a request is logged. */
function passRequestIds (app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    setRequestId(request.raw, request.id)
    // A 101 passes no onSend hook.
    reply.header(REQUEST_ID, request.id)
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    // A backend's own would be in its place.
    reply.header(REQUEST_ID, request.id)
    done()
  })
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
  await registerRoutes(app, dir, samples, environment.sampleLoad)
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

function isTheirs (path: string): boolean {
  return ROUTE_FILE.test(path) && !OURS.test(path)
}

async function registerRoutes (app: FastifyInstance, dir: string, samples: boolean, load: boolean): Promise<void> {
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

async function registerUpstream (app: FastifyInstance, prefix: string, upstream: string): Promise<void> {
  try {
    await app.register(proxy, { prefix, upstream })
  } catch (error) {
    throw new EnvironmentError(`UPSTREAMS: ${prefix}=${upstream} cannot be registered: ${(error as Error).message}`, { cause: error })
  }
}
