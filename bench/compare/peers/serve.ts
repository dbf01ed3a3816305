import { Agent, createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'

// What the processes of this folder share. Each is one gateway as its users would write it, without types of packages that
// need not be installed.

export interface Route {
  /** The first segment of its paths, like `/users`, which targets do not get; empty for whatever comes. */
  prefix: string
  upstream: string
}

/** What a gateway process is told, as JSON in its one argument. */
export interface PeerSetup {
  routes: Route[]
  /** The authority that signed the targets' certificates, in PEM. */
  ca?: string
  /** Where Holdfast's compiled entry is. */
  entry?: string
  /** The file that takes the log, for those who have a logger of their own. */
  log?: string
}

/** Connections to a target, at most. */
export const CONNECTIONS = 128
/** For 2 000 clients that come at once; Node has 511. */
export const BACKLOG = 4096
export const POOL = { connections: CONNECTIONS, pipelining: 1, keepAliveTimeout: 60_000 } as const

export const setup = JSON.parse(process.argv[2] ?? '{}') as PeerSetup

/** The one target, where there is nothing to choose from. */
export const only = setup.routes.length === 1 && setup.routes[0]?.prefix === '' ? setup.routes[0].upstream : undefined

/** Something made for each target; a function that finds it by the first segment of a request's path, which it cuts off. */
export function routed<Target> (make: (upstream: string) => Target): (request: IncomingMessage) => Target {
  if (only !== undefined) {
    const target = make(only)
    return () => target
  }
  const byUpstream = new Map([...new Set(setup.routes.map(({ upstream }) => upstream))].map((upstream) => [upstream, make(upstream)]))
  const byPrefix = new Map(setup.routes.map(({ prefix, upstream }) => [prefix, byUpstream.get(upstream)!]))
  return (request) => {
    const path = request.url ?? ''
    const end = path.indexOf('/', 1)
    const target = byPrefix.get(path.slice(0, end))
    if (target === undefined) throw new Error(`no route for ${path}`)
    request.url = path.slice(end)
    return target
  }
}

/** Node's agent that keeps connections. */
export function agent (): Agent {
  const options = { keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS, ca: setup.ca }
  return setup.routes[0]?.upstream.startsWith('https:') === true ? new TlsAgent(options) : new Agent(options)
}

export function serve (handle: RequestListener): void {
  const server = createServer(handle)
  server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG }, () => ready(server.address() as AddressInfo))
}

/** Tells the measurement where, and what is on the heap when it asks; ends with it. */
export function ready ({ port }: AddressInfo): void {
  process.on('message', ({ collect }: { collect: boolean }) => {
    const { gc } = globalThis as { gc?: () => void }
    if (collect) gc?.()
    process.send?.({ heap: process.memoryUsage().heapUsed })
  })
  process.once('disconnect', () => process.exit())
  process.send?.({ url: `http://127.0.0.1:${port}` })
}

/** A client is told that its request failed, if it still can be. */
export function fail (response: ServerResponse): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(502).end()
}

/**
 * For fast-proxy-lite and what builds on it, whose own hook for clients that have left reads no more of the answer: 128 of those, and
 * all connections are taken for ever.
 */
export function leaveNothing (_response: ServerResponse, _error: Error | null, answer: { stream: Readable } | undefined): void {
  answer?.stream.resume()
}
