import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { BackendConnection } from './backend-connection.js'
import type { BackendRequest, BackendRequestHead } from './backend-request.js'

export type { BackendConnection, Reply } from './backend-connection.js'
export type { BackendRequest, BackendRequestHead } from './backend-request.js'

/** Called for each request when it is whole. The next request on the connection waits until the call settles. */
export type RequestScript = (request: BackendRequest, connection: BackendConnection) => void | Promise<void>

export interface BackendHooks {
  onConnection? (connection: BackendConnection): void
  /** Called when the head has come. The body is read meanwhile, and `onRequest` waits for both. */
  onHead? (head: BackendRequestHead, connection: BackendConnection): void | Promise<void>
  onRequest: RequestScript
}

export type BackendScript = RequestScript | BackendHooks

export interface BackendOptions {
  tls?: Pick<TlsOptions, 'key' | 'cert' | 'requestCert' | 'ca'>
  /** @default '127.0.0.1' */
  host?: string
  /** Listens on this unix socket instead of an address. */
  socketPath?: string
  /** @default a free port */
  port?: number
  /** Whether the connection stays half-open after the other side's FIN, until the script ends it. */
  allowHalfOpen?: boolean
  /** Keeps every request in `log`. */
  log?: boolean
}

interface Waiter {
  predicate: (backend: Backend) => boolean
  settle (error?: Error): void
}

/** A TCP server that writes exactly what its script says. */
export class Backend {
  /** Connections accepted so far; over TLS, those whose handshake succeeded. */
  accepted = 0
  /** Connections that are open now. */
  open = 0
  /** Requests fully received so far, answered or not. */
  requests = 0
  /** Connections that the script ended or reset. */
  closes = 0
  readonly connections: BackendConnection[] = []
  /** Errors for bytes that are not strict HTTP/1. The connections that sent them were destroyed. */
  readonly malformed: string[] = []
  readonly log: BackendRequest[] = []
  readonly #hooks: BackendHooks
  readonly #options: BackendOptions
  readonly #sockets = new Set<Socket>()
  readonly #waiters = new Set<Waiter>()
  readonly #failures: unknown[] = []
  #server: Server | undefined
  #port: number
  #closed = false

  constructor (script: BackendScript, options: BackendOptions) {
    this.#hooks = typeof script === 'function' ? { onRequest: script } : script
    this.#options = options
    this.#port = options.port ?? 0
  }

  get port (): number {
    return this.#port
  }

  get #host (): string {
    return this.#options.host ?? '127.0.0.1'
  }

  get url (): string {
    if (this.#options.socketPath !== undefined) return 'http://localhost'
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${this.#host}:${this.#port}`
  }

  /** Listens; after `refuse()`, on the same port as before. */
  async listen (): Promise<void> {
    if (this.#server !== undefined) return
    const { tls, socketPath, allowHalfOpen = false } = this.#options
    const server = tls === undefined
      ? createServer({ allowHalfOpen, noDelay: true })
      : createTlsServer({ ...tls, allowHalfOpen, noDelay: true })
    this.#server = server
    const wires = new Map<number | undefined, Socket>()
    server.on('connection', (wire: Socket) => {
      this.#sockets.add(wire)
      wires.set(wire.remotePort, wire)
      const { remotePort } = wire
      wire.once('close', () => {
        this.#sockets.delete(wire)
        wires.delete(remotePort)
      })
      if (tls === undefined) this.#accept(wire, wire)
    })
    server.on('secureConnection', (socket: Socket) => this.#accept(socket, wires.get(socket.remotePort) ?? socket))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.once('listening', resolve)
      if (socketPath === undefined) server.listen(this.#port, this.#host)
      else server.listen(socketPath)
    })
    if (socketPath === undefined) this.#port = (server.address() as AddressInfo).port
  }

  /** Stops listening: new dials are refused, and open connections stay. */
  refuse (): void {
    this.#server?.close()
    this.#server = undefined
  }

  /**
   * Resolves when `predicate` holds. It is called again after each connection, request, answer and close. Rejects after `timeoutMs`, or
   * when the script throws.
   */
  async waitFor (predicate: (backend: Backend) => boolean, timeoutMs = 5000): Promise<void> {
    if (predicate(this)) return
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: Error): void => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        if (error === undefined) resolve()
        else reject(error)
      }
      const waiter: Waiter = { predicate, settle }
      const timer = setTimeout(() => settle(new Error(`after ${timeoutMs} ms ${this.#describe(predicate)}`)), timeoutMs)
      this.#waiters.add(waiter)
    })
  }

  /** Destroys every connection and stops. Rejects with an error that the script threw, so that its test fails. */
  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const { predicate, settle } of this.#waiters) settle(new Error(`closed while ${this.#describe(predicate)}`))
    this.refuse()
    await Promise.all([...this.#sockets].map((socket) => new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
      socket.destroy()
    })))
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  #accept (socket: Socket, wire: Socket): void {
    this.accepted++
    this.open++
    const connection = new BackendConnection(this.accepted, socket, wire, {
      head: (head, on) => this.#hooks.onHead?.(head, on),
      request: (request, on) => this.#request(request, on),
      closing: () => {
        this.closes++
        this.#changed()
      },
      malformed: (what) => { this.malformed.push(what) },
      failed: (error) => this.#fail(error)
    })
    this.connections.push(connection)
    socket.once('close', () => {
      this.open--
      this.#changed()
    })
    this.#hooks.onConnection?.(connection)
    this.#changed()
  }

  async #request (request: BackendRequest, connection: BackendConnection): Promise<void> {
    this.requests++
    if (this.#options.log === true) this.log.push(request)
    const settled = this.#hooks.onRequest(request, connection)
    // After the script ran, so that a predicate sees what it did synchronously.
    this.#changed()
    await settled
    this.#changed()
  }

  #fail (error: unknown): void {
    // A script may fail on what it waited for when the test ended; that is no failure.
    if (this.#closed || this.#failures.includes(error)) return
    this.#failures.push(error)
    for (const { settle } of this.#waiters) settle(new Error('the script of the backend threw', { cause: error }))
  }

  #changed (): void {
    for (const { predicate, settle } of this.#waiters) if (predicate(this)) settle()
  }

  #describe (predicate: Waiter['predicate']): string {
    const { accepted, open, requests, closes, malformed } = this
    const state = JSON.stringify({ accepted, open, requests, closes, malformed })
    return `still waiting for ${predicate.toString()}, with ${state}`
  }
}

/** Starts a backend on a free port of 127.0.0.1. The caller closes it. */
export async function startBackend (script: BackendScript, options: BackendOptions = {}): Promise<Backend> {
  const backend = new Backend(script, options)
  await backend.listen()
  return backend
}
