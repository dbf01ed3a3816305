import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { EndpointsRecord } from './record.js'
import type { TargetOptions } from '../../src/index.js'
import { readGivenList } from '../../src/discovery/given-list.js'
import type { EndpointsPlan } from '../../src/discovery/endpoints-plan.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import { TargetRegistry } from '../../src/target/registry.js'
import type { Target } from '../../src/target/target.js'

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
  get address (): string { return `127.0.0.1:${this.port}` }

  async start (): Promise<this> {
    const server = this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      this.requests.push(`${request.method} ${request.url}`)
      this.#listener(request, response)
    })
    server.on('connection', () => { this.connections++ })
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.port, '127.0.0.1', resolve))
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

export interface EndpointsRig { readonly target: Target, readonly events: EndpointsRecord }

/** A target of a list, or of another plan, without an app; destroyed with its test. */
export function targetFor (t: Scope, to: readonly Replica[] | EndpointsPlan, options: TargetOptions = {}): EndpointsRig {
  const plan: EndpointsPlan = 'kind' in to ? to : { kind: 'list', found: readGivenList(to.map(({ url }) => url), 'upstream').found }
  const origin = new URL('kind' in to ? 'http://users.internal' : to[0]!.url)
  const registry = new TargetRegistry({ maxDynamicTargets: 1, onObserverError: error => t.fail('an observer threw', { error: String(error) }) })
  const events = new EndpointsRecord()
  registry.observe(events)
  const target = registry.declare({ origin, options: resolveTargetOptions({}, options), prefix: '/', plan })
  t.teardown(() => registry.destroy())
  return { target, events }
}
