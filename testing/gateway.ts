import { Writable } from 'node:stream'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import { gateway, getGateway, proxy } from '../src/index.js'
import type { Gateway, GatewayOptions, ProxyOptions, Target, TargetOptions } from '../src/index.js'
import { resolveTargetOptions } from '../src/options/target-options.js'
import { TargetRegistry } from '../src/target/registry.js'
import { type Backend, type BackendOptions, type BackendScript, startBackend } from './backend.js'
import { type RawClient, rawClient } from './client.js'

type Scope = Pick<Test, 'teardown'>

/** A line of the app's log. */
export interface LogLine {
  level: number
  msg?: string
  code?: string
  route?: string
  err?: { code?: string, message?: string }
  [field: string]: unknown
}

export interface RunningGateway {
  app: FastifyInstance
  gateway: Gateway
  url: string
  port: number
  /** The first target; most tests have one. */
  target: Target
  /** The lines of the app's log at `warn` and above, or at another level and above. */
  log: LogLine[]
}

export interface GatewaySetup {
  /** Options of the gateway plugin; false for an app without it. */
  gateway?: GatewayOptions | false
  routes?: ProxyOptions[]
  fastify?: Pick<FastifyServerOptions, 'trustProxy' | 'bodyLimit' | 'requestTimeout' | 'disableRequestLogging'>
  level?: string
  /** Called before any plugin of Holdfast is registered. */
  before? (app: FastifyInstance): void | Promise<void>
}

/** A backend that is closed with its test. */
export async function backendFor (t: Scope, script: BackendScript, options?: BackendOptions): Promise<Backend> {
  const backend = await startBackend(script, options)
  t.teardown(() => backend.close())
  return backend
}

/** A client that leaves with its test. */
export async function clientFor (t: Scope, to: { port: number }): Promise<RawClient> {
  const client = await rawClient(to.port)
  t.teardown(() => client.destroy())
  return client
}

/** A target with a backend of its own and without an app; destroyed with its test. */
export async function targetFor (t: Pick<Test, 'teardown' | 'fail'>, script: BackendScript, options: TargetOptions = {}): Promise<{ backend: Backend, target: Target }> {
  const backend = await backendFor(t, script)
  const registry = new TargetRegistry({ maxDynamicTargets: 1, onObserverError: error => t.fail('an observer threw', { error: String(error) }) })
  t.teardown(() => registry.destroy())
  return { backend, target: registry.declare({ origin: new URL(backend.url), options: resolveTargetOptions({}, options), prefix: '/' }) }
}

/** A destination for an app's log, and its lines so far. */
export function captureLog (): { stream: Writable, lines: LogLine[] } {
  const lines: LogLine[] = []
  const stream = new Writable({
    write (chunk: Buffer, _encoding, callback) {
      for (const line of chunk.toString().split('\n')) if (line !== '') lines.push(JSON.parse(line) as LogLine)
      callback()
    }
  })
  return { stream, lines }
}

/** An app with a gateway and its routes, listening on a free port and closed with its test. */
export async function gatewayFor (t: Scope, setup: GatewaySetup): Promise<RunningGateway> {
  const { gateway: options = {}, routes = [], fastify = {}, level = 'warn', before } = setup
  const { stream, lines } = captureLog()
  const app = Fastify({ ...fastify, logger: { level, stream } })
  t.teardown(() => app.close())
  await before?.(app)
  // A request that a test leaves in flight must not delay the next test, and a busy machine must not change the outcome.
  if (options !== false) await app.register(gateway, { drain: { deadline: 200 }, pressure: false, ...options })
  for (const route of routes) await app.register(proxy, route)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const running = getGateway(app)
  return { app, gateway: running, url: `http://127.0.0.1:${port}`, port, log: lines, get target () { return first(running.targets) } }
}

function first (targets: Iterable<Target>): Target {
  const [target] = targets
  if (target === undefined) throw new Error('no target is declared')
  return target
}

/** Resolves when `holds` returns true. It is called after each turn of the event loop, for what no event announces. Rejects after 5 s. */
export async function until (holds: () => boolean, what = holds.toString()): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`after 5 s still waiting for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}
