import { Agent, createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'

// Shared by the processes of this folder. Each is a gateway as its users would write it. It imports no types of the other proxies, whose
// packages may be missing.

export interface Route {
  /** The first segment of its paths, like `/users`, which the target does not get; empty for all paths. */
  prefix: string
  upstream: string
}

/** The setup of a gateway process: JSON in its one argument. */
export interface PeerSetup {
  routes: Route[]
  /** The authority that signed the targets' certificates, in PEM. */
  ca?: string
  /** Where Holdfast's compiled entry is. */
  entry?: string
  /** The file for the log of a gateway that has a logger. */
  log?: string
}

/** The most connections to a target. */
export const CONNECTIONS = 128
/** The listen backlog, for 2 000 clients that come at once; Node's default is 511. */
export const BACKLOG = 4096
export const POOL = { connections: CONNECTIONS, pipelining: 1, keepAliveTimeout: 60_000 } as const

export const setup = JSON.parse(process.argv[2] ?? '{}') as PeerSetup

/** The only target, of a setup that has one. */
export const only = setup.routes.length === 1 && setup.routes[0]?.prefix === '' ? setup.routes[0].upstream : undefined

/**
 * Makes something for each target. Returns a function that finds it by the first segment of a request's path, and cuts that segment off.
 */
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

/** Node's keep-alive agent. */
export function agent (): Agent {
  const options = { keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS, ca: setup.ca }
  return setup.routes[0]?.upstream.startsWith('https:') === true ? new TlsAgent(options) : new Agent(options)
}

export function serve (handle: RequestListener): void {
  const server = createServer(handle)
  server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG }, () => ready(server.address() as AddressInfo))
}

/** Tells the measurement the URL, and the size of the heap when asked; ends when the measurement ends. */
export function ready ({ port }: AddressInfo): void {
  process.on('message', ({ collect }: { collect: boolean }) => {
    const { gc } = globalThis as { gc?: () => void }
    if (collect) gc?.()
    process.send?.({ heap: process.memoryUsage().heapUsed })
  })
  process.once('disconnect', () => process.exit())
  process.send?.({ url: `http://127.0.0.1:${port}` })
}

/** Answers a failed request with 502, if no head was sent yet. */
export function fail (response: ServerResponse): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(502).end()
}

/**
 * For fast-proxy-lite and gateways built on it. Their own hook for a client that left stops reading the backend's answer, which keeps the
 * connection: after 128 such clients no connection is left.
 */
export function leaveNothing (_response: ServerResponse, _error: Error | null, answer: { stream: Readable } | undefined): void {
  answer?.stream.resume()
}
