import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ServerOptions as TlsOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import type { ClientOptions, ServerOptions } from 'ws'
import { gatewayFor } from './gateway.js'
import type { GatewaySetup, RunningGateway } from './gateway.js'
import type { ProxyOptions } from '../src/index.js'

/** A real WebSocket server, and the upgrades that it got. */
export interface WebSocketBackend {
  server: Server
  sockets: WebSocketServer
  url: string
  /** Every upgrade that reached it. */
  upgrades: { url: string, headers: IncomingHttpHeaders }[]
  /** Its open TCP connections. */
  open: number
  accepted: number
}

export interface BackendSetup extends ServerOptions {
  tls?: TlsOptions
  /** What it does with a socket. Default: it echoes. */
  onSocket? (socket: WebSocket, request: IncomingMessage): void
  /** Handles upgrades in place of the WebSocket server. */
  onUpgrade? (request: IncomingMessage, socket: Duplex, head: Buffer): void
  onRequest? (request: IncomingMessage, response: ServerResponse): void
}

export async function webSocketBackend (t: Test, setup: BackendSetup = {}): Promise<WebSocketBackend> {
  const { tls, onSocket = echo, onUpgrade, onRequest = answer, ...options } = setup
  const server: Server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest)
  const sockets = new WebSocketServer({ ...options, noServer: true })
  const backend: WebSocketBackend = { server, sockets, url: '', upgrades: [], open: 0, accepted: 0 }
  server.on('connection', socket => {
    backend.open++
    backend.accepted++
    socket.on('close', () => { backend.open-- })
  })
  server.on('upgrade', (request, socket, head) => {
    backend.upgrades.push({ url: request.url!, headers: request.headers })
    socket.on('error', () => {})
    if (onUpgrade !== undefined) onUpgrade(request, socket, head)
    else sockets.handleUpgrade(request, socket, head, ws => onSocket(ws, request))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  backend.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.teardown(() => {
    for (const client of sockets.clients) client.terminate()
    server.close()
    server.closeAllConnections()
  })
  return backend
}

function echo (socket: WebSocket): void {
  socket.on('error', () => {})
  socket.on('message', (data, binary) => socket.send(data, { binary }))
}

function answer (request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => response.end(JSON.stringify({ method: request.method, url: request.url, body: Buffer.concat(chunks).toString() })))
}

/** A gateway with one upgradable route, `/live`, to a real WebSocket server. */
export async function tunnelFor (t: Test, setup: { backend?: BackendSetup, route?: Partial<ProxyOptions> } & GatewaySetup = {}): Promise<RunningGateway & { backend: WebSocketBackend }> {
  const { backend: scripted, route, ...rest } = setup
  const backend = await webSocketBackend(t, scripted)
  const running = await gatewayFor(t, { ...rest, routes: [{ prefix: '/live', upstream: backend.url, websocket: true, ...route }, ...rest.routes ?? []] })
  return Object.assign(running, { backend })
}

/** A connected client, which is terminated with its test. */
export async function webSocketFor (t: Test, url: string, protocols: string[] = [], options: ClientOptions = {}): Promise<WebSocket> {
  const socket = webSocket(t, url, protocols, options)
  await once(socket, 'open')
  return socket
}

export function webSocket (t: Test, url: string, protocols: string[] = [], options: ClientOptions = {}): WebSocket {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, options)
  socket.on('error', () => {})
  t.teardown(() => socket.terminate())
  return socket
}

/** The answer to a client that gets no 101. */
export async function refusal (t: Test, url: string, headers: OutgoingHttpHeaders = {}): Promise<{ status: number, headers: IncomingHttpHeaders, body: string, closed: Promise<unknown> }> {
  const socket = webSocket(t, url, [], { headers: headers as Record<string, string> })
  const [, response] = await once(socket, 'unexpected-response') as [unknown, IncomingMessage]
  const closed = once(response.socket, 'close')
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return { status: response.statusCode!, headers: response.headers, body, closed }
}

export async function nextMessage (socket: WebSocket): Promise<{ data: Buffer, binary: boolean }> {
  const [data, binary] = await once(socket, 'message') as [Buffer, boolean]
  return { data, binary }
}

/** The bytes of a handshake, for a client that then does what no library does. */
export function handshake (path: string, more = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`
}
