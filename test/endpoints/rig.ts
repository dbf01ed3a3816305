import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { EndpointsRecord } from './record.js'
import type { GivenEndpoint, TargetOptions } from '../../src/index.js'
import { readGivenList } from '../../src/discovery/given-list.js'
import type { EndpointsPlan } from '../../src/discovery/endpoints-plan.js'
import type { Report } from '../../src/discovery/reports.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import { Inspector } from '../../src/target/inspector.js'
import { TargetRegistry } from '../../src/target/registry.js'
import type { Target } from '../../src/target/target.js'

/**
 * Three addresses of this process alone where the system has all of 127.0.0.0/8: a port that a server gives up may be another process's
 * soon, and a dial to it must be refused.
 */
export const HOSTS = [64, 128, 192].map(first => process.platform === 'linux'
  ? `127.${first + (process.pid >> 16 & 63)}.${process.pid >> 8 & 255}.${process.pid & 255}`
  : '127.0.0.1')
export const HOST = HOSTS[0]!

type Scope = Pick<Test, 'teardown' | 'fail'>

/** A server of node:http that can be stopped, and started again at the same address. */
export class Replica {
  readonly #listener: RequestListener
  #server: Server | undefined
  port = 0
  /** Requests that have come, by method and URL. */
  readonly requests: string[] = []
  /** Connections that were opened to it. */
  connections = 0

  constructor (listener: RequestListener = (_request, response) => { response.end('ok') }) {
    this.#listener = listener
  }

  get url (): string { return `http://${this.address}` }
  get address (): string { return `${HOST}:${this.port}` }

  async start (): Promise<this> {
    const server = this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      this.requests.push(`${request.method} ${request.url}`)
      this.#listener(request, response)
    })
    server.on('connection', () => { this.connections++ })
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.port, HOST, resolve))
    this.port = (server.address() as AddressInfo).port
    return this
  }

  /** Closes its listener and all its connections, as the end of a process does. */
  async kill (): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = new Promise(resolve => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
}

/** So many replicas, which end with their test. */
export async function replicasFor (t: Scope, count: number, listener?: (place: number) => RequestListener): Promise<Replica[]> {
  const replicas = Array.from({ length: count }, (_, place) => new Replica(listener?.(place)))
  t.teardown(() => Promise.all(replicas.map(replica => replica.kill())))
  return Promise.all(replicas.map(replica => replica.start()))
}

export interface EndpointsRig { readonly target: Target, readonly events: EndpointsRecord, readonly reports: Report[] }

export interface RigSettings {
  readonly clock?: () => number
  /** Whether it is learned from responses which endpoints keep connections open, as in an app. */
  readonly inspect?: boolean
}

/** A plan of a list. */
export function listOf (endpoints: readonly GivenEndpoint[]): EndpointsPlan {
  return { kind: 'list', found: readGivenList(endpoints, 'upstream').found }
}

/** A target of a list, or of another plan, without an app; destroyed with its test. */
export function targetFor (
  t: Scope, to: readonly { readonly url: string }[] | EndpointsPlan, options: TargetOptions = {}, settings: RigSettings = {}
): EndpointsRig {
  const plan: EndpointsPlan = 'kind' in to ? to : listOf(to.map(({ url }) => url))
  const origin = new URL('kind' in to ? 'http://users.internal' : to[0]!.url)
  return declared(t, origin, plan, options, settings)
}

/** A target of one endpoint: its origin. */
export function plainTargetFor (
  t: Scope, { url }: { readonly url: string }, options: TargetOptions = {}, settings: RigSettings = {}
): EndpointsRig {
  return declared(t, new URL(url), { kind: 'origin' }, options, settings)
}

function declared (
  t: Scope, origin: URL, plan: EndpointsPlan, options: TargetOptions, { clock, inspect = false }: RigSettings
): EndpointsRig {
  const reports: Report[] = []
  const registry = new TargetRegistry({
    maxDynamicTargets: 1,
    onObserverError: error => t.fail('an observer threw', { error: String(error) }),
    onDiscovery: (_target, report) => { reports.push(report) },
    ...clock === undefined ? {} : { clock }
  })
  const events = new EndpointsRecord()
  if (inspect) registry.observe(new Inspector(registry, clock ?? (() => performance.now())))
  registry.observe(events)
  // A clock of a test may let much time pass at once, which would end idle connections.
  const kept = { ...options, undiciOptions: { keepAliveTimeout: 600_000, ...options.undiciOptions } }
  const target = registry.declare({ origin, options: resolveTargetOptions({}, kept), prefix: '/', plan })
  t.teardown(() => registry.destroy())
  return { target, events, reports }
}
