import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { Client, errors } from 'undici'
import type { Dispatcher } from 'undici'
import { inMicrotask } from '../microtask.js'
import type { ResolvedTargetOptions } from '../options.js'
import { NO_CLIENT } from './bindings.js'
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
export const CONSTANT_SERVERNAME = 'held'
/** What ECONNRESET is called on a connection. */
export const RESET = 'HOLDFAST_RESET'
/** Bytes were read that no request had asked for. */
export const UNASKED = 'HOLDFAST_UNASKED'
// One for all: undici makes one each time it is given none, with a stack.
const DESTROYED = new errors.ClientDestroyedError()
// Connections that were opened together do not all end together.
const MAX_AGE_JITTER = 0.1
// The head of a status line as far as its version: 'HTTP/1.x'.
const VERSION_LENGTH = 8

/** A connection as it can be seen from outside; times in ms. */
export interface ConnectionSnapshot {
  readonly id: number
  /** The sentinel is idle past the limit, to see when the backend closes it. */
  readonly state: 'active' | 'idle' | 'sentinel'
  readonly age: number
  /** Responses it has carried. */
  readonly served: number
  /** 0 while it is active. */
  readonly idleMs: number
  readonly trial: boolean
}

/** One socket to a backend and the undici Client that speaks HTTP on it, for the socket's whole life. */
export class Connection {
  readonly id: number
  readonly target: string
  /** How long it took to connect, handshake included, in ms. */
  readonly connectMs: number
  readonly openedAt: number
  /** Its pool's, when it was dialled. */
  readonly generation: number
  /** When it takes no new request any more, on the pool's clock. */
  expiresAt: number
  readonly view: ConnectionView
  /** Of the backend, `address:port`; undefined where it has none. */
  readonly address: string | undefined
  /** Responses it has carried. */
  served = 0
  /** Requests it may still carry: a limit of ours, or what the backend said in `Keep-Alive: max=`. */
  remaining: number
  /** Since when it is idle, or was before its last exchange, on the pool's clock. */
  idleSince = 0
  /** Among the active ones, where it is, or was last. */
  place = 0
  /** When it was given to its exchange, on the pool's clock. */
  acquiredAt = 0
  state: 'idle' | 'active' | 'closed' = 'active'
  /** Whether it tests if its backend keeps connections open. */
  trial = false
  /** The client connection that alone it serves, since its client has authenticated it; undefined where it serves any. */
  boundTo: object | undefined
  /** What is on it. An idle connection holds nothing of its last request, nor of the client who sent it. */
  exchange: { checkDeadline (now: number): void } | undefined
  /** Of the request that is on it, or was last. */
  method: string | undefined
  /** HTTP/1.0 or 1.1, as the first response said. */
  minor: 0 | 1 = 1
  /** Whether a request has been written and its response has not ended: anything else that is read is poison. */
  asked = false
  /** Whether the last response had no body by rule, so that what is read behind it may be one. */
  bodiless = false
  /** Whether it lies idle and carries no request yet, until it is known to be quiet. */
  resting = false
  readonly #socket: Socket
  readonly #client: Client
  readonly #owner: ConnectionOwner
  readonly #ageJitter: number
  /** Whether the socket is the Client's. */
  #handedOver = false
  #watched = false
  #ended = false
  #held = false

  constructor (socket: Socket, from: {
    id: number, target: string, origin: URL, options: Pick<ResolvedTargetOptions, 'undiciOptions' | 'pool'>, owner: ConnectionOwner
    connectMs: number, now: number, generation: number, clock: () => number
  }) {
    this.id = from.id
    this.target = from.target
    this.connectMs = from.connectMs
    this.openedAt = from.now
    this.generation = from.generation
    this.#ageJitter = 1 + MAX_AGE_JITTER * (2 * Math.random() - 1)
    this.expiresAt = this.remaining = Infinity
    this.limit(from.options.pool)
    this.view = new View(this, from.clock)
    this.address = addressOf(socket)
    this.#owner = from.owner
    this.#socket = socket
    // undici takes a reset for the end of a body that ends with its connection, and asserts, in an event that nobody can catch,
    // that such a body is not paused then. By another name it is an error like any other; this listener comes before undici's.
    socket.on('error', (error: NodeJS.ErrnoException) => { if (error.code === 'ECONNRESET') error.code = RESET })
    this.#interceptReads()
    const { undiciOptions } = from.options
    this.#client = new Client(from.origin, {
      // The socket stands already. Asked a second time, the Client has lost it: whatever it still holds was never written.
      connect: (_options, callback) => inMicrotask(() => {
        if (this.#handedOver) return callback(Object.assign(new Error('the connection is gone'), { code: 'HOLDFAST_GONE' }), null)
        this.#handedOver = true
        this.#unwatch()
        callback(null, socket)
      }),
      pipelining: 1,
      keepAliveTimeout: NEVER,
      keepAliveMaxTimeout: NEVER,
      keepAliveTimeoutThreshold: LIFT_HINTS,
      ...(undiciOptions.maxHeaderSize === undefined ? {} : { maxHeaderSize: undiciOptions.maxHeaderSize }),
      ...(undiciOptions.maxResponseSize === undefined ? {} : { maxResponseSize: undiciOptions.maxResponseSize })
    })
    this.#client.on('disconnect', (_origin, _targets, error) => this.#owner.connectionLost(this, endReason(error)))
    // A throw in a response handler ends here; without a listener it would end the process.
    const emitter: EventEmitter = this.#client
    emitter.on('error', (error: Error) => this.#socket.destroy(error))
  }

  /** Holds it to limits of age and requests. More requests than it was once allowed, it is not allowed again: the backend may have said so. */
  limit ({ maxConnectionAge, maxRequestsPerConnection }: ResolvedTargetOptions['pool']): void {
    this.expiresAt = maxConnectionAge === 0 ? Infinity : this.openedAt + maxConnectionAge * this.#ageJitter
    if (maxRequestsPerConnection > 0) this.remaining = Math.min(this.remaining, maxRequestsPerConnection - this.served)
  }

  /** Why it takes no new request any more; undefined where it does. @param generation the pool's now */
  wornBy (now: number, generation: number): CloseReason | undefined {
    if (this.boundTo === NO_CLIENT) return 'client_gone'
    if (this.generation !== generation) return 'updated'
    if (this.remaining <= 0) return 'max_requests'
    return now >= this.expiresAt ? 'max_age' : undefined
  }

  /** Who ended the socket, where it has ended; undefined while it can carry a request, as far as this side knows. */
  get endedBy (): CloseReason | undefined {
    if (!this.#socket.destroyed) return undefined
    // undici may have ended it too, as after a body that ended with the connection; the backend was first.
    return this.finRead ? 'backend_idle' : endReason(this.#socket.errored)
  }

  /** Whether the backend has stopped reading what is written to it. */
  get writeBlocked (): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Whether the backend has sent its FIN, and all before it has been read. */
  get finRead (): boolean {
    return this.#socket.readableEnded
  }

  /**
   * Whether what looks like the backend's FIN is a reset. libuv calls a reset an end where it comes together with data; but
   * only after a reset has the system forgotten whom the socket was connected to. (Neither address: it is no TCP socket.)
   */
  get endedByReset (): boolean {
    return this.finRead && this.#socket.localAddress !== undefined && this.#socket.remoteAddress === undefined
  }

  /** Hands a request to undici. Only the exchange that owns the connection may. */
  dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(options, handler)
  }

  /**
   * Ends the socket of an exchange that is over, from within its last call. undici would do so next, and make an error for the end of the
   * socket, whose stack is written for nobody: a tenth of a request's time where each has a connection of its own.
   */
  endSocket (): void {
    this.#ended = true
    this.#socket.destroy(DESTROYED)
  }

  /** Ends the socket. The pool keeps the count and names the reason. */
  destroy (): void {
    if (this.#ended) return
    this.#client.destroy(DESTROYED, ignore)
    if (!this.#handedOver) this.#socket.destroy()
  }

  /** Keeps the end of the socket from undici, which is not to see it while a response is paused. */
  holdEnd (): void {
    this.#held = true
  }

  letEnd (): void {
    this.#held = false
  }

  /** For a connection that is to lie idle. Until its first request the socket is not undici's, and nobody would read what the backend does with it. */
  watchUnused (): void {
    if (this.#handedOver || this.#watched) return
    this.#watched = true
    // An idle connection keeps no process alive; undici sees to that for those that are its own.
    this.#socket.on('readable', this.#onUnusedReadable).on('close', this.#onUnusedClose).unref()
  }

  #onUnusedReadable = (): void => {
    const unasked = this.#socket.read() as Buffer | null
    this.#owner.connectionLost(this, unasked === null ? 'backend_idle' : 'unexpected_data')
  }

  #onUnusedClose = (): void => this.#owner.connectionLost(this, 'backend_idle')

  #unwatch (): void {
    if (!this.#watched) return
    this.#socket.removeListener('readable', this.#onUnusedReadable).removeListener('close', this.#onUnusedClose).ref()
  }

  // All that undici reads passes here, for three reasons.
  //
  // It takes what is read while a request waits to be written for the beginning of its response, or swallows it (blank lines).
  //
  // It does not tell the version of a response, and with it whether silence means persistence. The first bytes of a
  // connection's first response do.
  //
  // Node announces the end of a drained socket whether somebody reads or not, and undici 7 takes it ill while a response is
  // paused: it fails one that it has whole, or, where the response ends with its connection, ends the process (undici issue
  // 5360). So the last bytes are asked for by their number, which does not announce the end yet, and while a response is
  // paused there is nothing to read.
  #interceptReads (): void {
    const socket = this.#socket
    const { read } = socket
    let seen = ''
    socket.read = (size?: number): Buffer | null => {
      if (this.#held) return null
      // Asking for more than the mark would raise it.
      const count = size ?? (Math.min(socket.readableLength, socket.readableHighWaterMark) || undefined)
      const chunk = read.call(socket, count) as Buffer | null
      if (chunk !== null && !this.asked && this.#handedOver) {
        socket.destroy(Object.assign(new Error('the backend sent what no request had asked for'), { code: UNASKED }))
        return null
      }
      if (chunk !== null && seen.length < VERSION_LENGTH) {
        seen += chunk.toString('latin1', 0, VERSION_LENGTH - seen.length)
        if (seen.endsWith('.0')) this.minor = 0
      }
      return chunk
    }
  }
}

/** What connections are at one moment, the sentinel last. */
export function snapshotsOf (connections: readonly Connection[], sentinel: Connection | undefined, now: number): ConnectionSnapshot[] {
  return [...connections, ...sentinel === undefined ? [] : [sentinel]].map(connection => {
    const { id, state, openedAt, served, idleSince, trial } = connection
    const active = state === 'active'
    return { id, state: connection === sentinel ? 'sentinel' : active ? 'active' : 'idle', age: now - openedAt, served, idleMs: active ? 0 : now - idleSince, trial }
  })
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
  get method (): string | undefined { return this.#connection.method }
  get address (): string | undefined { return this.#connection.address }
}

// node keeps the address once it was asked for; `endedByReset` lives on whether the system still knows it.
function addressOf (socket: Socket & { _peername?: unknown }): string | undefined {
  const { remoteAddress, remotePort } = socket
  socket._peername = undefined
  return remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort}`
}

function endReason (error: Error & { code?: string } | null): CloseReason {
  if (error === null) return 'backend_idle'
  if (error.code === 'UND_ERR_SOCKET') return error.message === 'other side closed' || error.message === 'closed' ? 'backend_idle' : 'unexpected_data'
  if (error.code === RESET || error.code === 'EPIPE') return 'backend_idle'
  if (error.code === UNASKED || error instanceof errors.HTTPParserError) return 'unexpected_data'
  // undici destroys a socket that it will not use again with an informational error.
  return error.code === 'UND_ERR_INFO' ? 'undici_limit' : 'error'
}

function ignore (): void {}
