import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { Client } from 'undici'
import type { Dispatcher } from 'undici'
import type { ResolvedUndiciOptions } from '../options.js'
import type { CloseReason, ConnectionView } from './observer.js'

/** Who a connection tells that it is gone while nobody had a request on it. */
export interface ConnectionOwner {
  connectionLost (connection: Connection, reason: CloseReason): void
}

// undici keeps time per Client and without a setter; ours is kept by the pool. These make undici's own never fire: the
// longest timer there is, and a threshold that lifts every hint of a backend's above it.
const NEVER = 2_147_483_647
const LIFT_HINTS = -NEVER
// undici closes a TLS socket whose servername, which it derives from the Host header, changes. Any constant keeps it; the
// name that is really asked for was given to the dialler.
const CONSTANT_SERVERNAME = 'held'
// The head of a status line as far as its version: 'HTTP/1.x'.
const VERSION_LENGTH = 8

/** One socket to a backend and the undici Client that speaks HTTP on it, for the socket's whole life. */
export class Connection {
  readonly id: number
  readonly target: string
  /** How long it took to connect, handshake included, in ms. */
  readonly connectMs: number
  readonly openedAt: number
  /** When it takes no new request any more, on the pool's clock. */
  readonly expiresAt: number
  readonly view: ConnectionView
  /** Responses it has carried. */
  served = 0
  /** Requests it may still carry: a limit of ours, or what the backend said in `Keep-Alive: max=`. */
  remaining: number
  /** Since when it has been idle, on the pool's clock. */
  idleSince = 0
  state: 'idle' | 'active' | 'closed' = 'active'
  /** Whether it tests if its backend keeps connections open. */
  trial = false
  /** HTTP/1.0 or 1.1, as the first response said. */
  minor: 0 | 1 = 1
  /** Whether the socket ended by a reset; undici reports some of those as a clean end. */
  wasReset = false
  readonly #socket: Socket
  readonly #client: Client
  readonly #owner: ConnectionOwner
  #wrapped = false

  constructor (socket: Socket, from: {
    id: number, target: string, origin: string, options: ResolvedUndiciOptions, owner: ConnectionOwner
    connectMs: number, now: number, lifetime: number, remaining: number, clock: () => number
  }) {
    this.id = from.id
    this.target = from.target
    this.connectMs = from.connectMs
    this.openedAt = from.now
    this.expiresAt = from.now + from.lifetime
    this.remaining = from.remaining
    this.view = new View(this, from.clock)
    this.#owner = from.owner
    this.#socket = socket
    socket.on('error', error => { if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') this.wasReset = true })
    this.#watchUnused()
    this.#watchVersion()
    let handedOver = false
    this.#client = new Client(from.origin, {
      // The socket stands already. Asked a second time, the Client has lost it: whatever it still holds was never written.
      connect: (_options, callback) => queueMicrotask(() => {
        if (handedOver) return callback(Object.assign(new Error('the connection is gone'), { code: 'HOLDFAST_GONE' }), null)
        handedOver = true
        callback(null, socket)
      }),
      pipelining: 1,
      keepAliveTimeout: NEVER,
      keepAliveMaxTimeout: NEVER,
      keepAliveTimeoutThreshold: LIFT_HINTS,
      headersTimeout: from.options.headersTimeout,
      bodyTimeout: from.options.bodyTimeout,
      ...(from.options.maxHeaderSize === undefined ? {} : { maxHeaderSize: from.options.maxHeaderSize }),
      ...(from.options.maxResponseSize === undefined ? {} : { maxResponseSize: from.options.maxResponseSize })
    })
    this.#client.on('disconnect', (_origin, _targets, error) => this.#owner.connectionLost(this, endReason(error)))
    // A throw in a response handler ends here; without a listener it would end the process.
    const emitter: EventEmitter = this.#client
    emitter.on('error', () => this.#socket.destroy())
  }

  /** Who ended the socket, where it has ended; undefined while it can carry a request, as far as this side knows. */
  get endedBy (): CloseReason | undefined {
    return this.#socket.destroyed ? endReason(this.#socket.errored) : undefined
  }

  /** Hands a request to undici. Only the exchange that owns the connection may. */
  dispatch (options: Dispatcher.DispatchOptions & { servername?: string }, handler: Dispatcher.DispatchHandler): void {
    if (!this.#wrapped) {
      this.#wrapped = true
      this.#socket.removeListener('readable', this.#onUnusedReadable).removeListener('close', this.#onUnusedClose)
    }
    options.servername = CONSTANT_SERVERNAME
    this.#client.dispatch(options, handler)
  }

  /** Ends the socket. The pool keeps the count and names the reason. */
  destroy (): void {
    this.#client.destroy(null, ignore)
    if (!this.#wrapped) this.#socket.destroy()
  }

  // Until its first request the socket is not undici's, and nobody would read what the backend does with it.
  #onUnusedReadable = (): void => {
    const unasked = this.#socket.read() as Buffer | null
    this.#owner.connectionLost(this, unasked === null ? 'backend_idle' : 'unexpected_data')
  }

  #onUnusedClose = (): void => this.#owner.connectionLost(this, 'backend_idle')

  #watchUnused (): void {
    this.#socket.on('readable', this.#onUnusedReadable).on('close', this.#onUnusedClose)
  }

  // undici does not tell the version of a response, and with it whether silence means persistence. The first bytes of a
  // connection's first response do, so they are looked at on their way; after that the socket's own `read` is back.
  #watchVersion (): void {
    const socket = this.#socket
    let seen = ''
    socket.read = (size?: number): Buffer | null => {
      const chunk = Object.getPrototypeOf(socket).read.call(socket, size) as Buffer | null
      if (chunk !== null) {
        seen += chunk.toString('latin1', 0, VERSION_LENGTH - seen.length)
        if (seen.length >= VERSION_LENGTH) {
          if (seen.endsWith('.0')) this.minor = 0
          Reflect.deleteProperty(socket, 'read')
        }
      }
      return chunk
    }
  }
}

class View implements ConnectionView {
  readonly #connection: Connection
  readonly #clock: () => number

  constructor (connection: Connection, clock: () => number) {
    this.#connection = connection
    this.#clock = clock
  }

  get target (): string { return this.#connection.target }
  get id (): number { return this.#connection.id }
  get served (): number { return this.#connection.served }
  get age (): number { return this.#clock() - this.#connection.openedAt }
  get trial (): boolean { return this.#connection.trial }
}

function endReason (error: Error & { code?: string } | null): CloseReason {
  if (error === null) return 'backend_idle'
  if (error.code === 'UND_ERR_SOCKET') return error.message === 'other side closed' || error.message === 'closed' ? 'backend_idle' : 'unexpected_data'
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return 'backend_idle'
  if (error.code?.startsWith('HPE_') === true) return 'unexpected_data'
  // undici destroys a socket that it will not use again with an informational error.
  return error.code === 'UND_ERR_INFO' ? 'undici_limit' : 'error'
}

function ignore (): void {}
