import type { Duplex } from 'node:stream'
import type { HoldfastError } from '../errors.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { BackendSocket, SocketReader } from '../wire/backend-socket.js'
import type { RequestHeads } from '../wire/http1/request-head.js'
import type { CloseReason, ConnectionView, Persistence } from './observer.js'

/** Is told when a connection ends while it carries no request. */
export interface ConnectionOwner {
  connectionLost (connection: Connection, reason: CloseReason): void
}

/** The endpoint of a pool, as its connections know it. */
export interface ConnectionHost {
  /** Of the endpoint. */
  readonly id: string
  /** What is believed of the endpoint: whether it keeps connections open. */
  readonly persistence: Persistence
  /** Why a connection whose exchange has ended must be closed; undefined where it may be kept. */
  refuseReturn (connection: Connection): CloseReason | undefined
  /** An exchange has ended well. @param ms how long it took */
  exchanged (ms: number): void
  /** The backend has closed a connection that it had left idle for `idleMs`. */
  idleClosed (connection: Connection, idleMs: number): void
  /** A connection, a dial or a tunnel of the pool has ended. */
  poolShrank (): void
}

/** The pool that a connection is in, as far as single connections are concerned. */
export interface ConnectionPool {
  readonly host: ConnectionHost
  readonly idle: {
    push (connection: Connection): void
    remove (connection: Connection): boolean
    closeSince (idleSince: number, reason: CloseReason): number
  }
  readonly active: { add (connection: Connection): void, delete (connection: Connection): boolean, has (connection: Connection): boolean }
  readonly upgraded: { add (socket: Duplex, closed: () => void): void }
  readonly room: { readonly full: boolean }
}

/** The request on a connection. It gets the events of the socket. */
export interface ConnectionUser {
  /** Bytes, valid during the call only unless `own`. Returns false where no request has been written that the bytes could answer. */
  read (bytes: Buffer, length: number, own: boolean): boolean
  /** The backend's FIN has been read, and all bytes before it. */
  readEnd (): void
  /** The connection has ended: `Connection.endedBy` says how. */
  lost (): void
  /** The socket takes more. */
  drained (): void
  writeFailed (): void
  abort (error: HoldfastError, reason: CloseReason): void
  checkDeadline (now: number): void
}

/** What a connection is bound to when its client's connection has closed or is not known. No request may take it any more. */
export const NO_CLIENT: object = {}

// Spreads the maximum age, so that connections that were opened together do not all end together.
const MAX_AGE_JITTER = 0.1
// In bytes. The default of undici and Node.
const MAX_HEADER_SIZE = 16_384

/** The state of a connection at one moment: `target.connections()`. Times in ms. */
export interface ConnectionSnapshot {
  /** Unique in the app; observers know the connection by it. */
  readonly id: number
  /** Id of the endpoint that it leads to. */
  readonly endpoint: string
  /** `sentinel`: idle past the learned limit, to see when the backend closes it. */
  readonly state: 'active' | 'idle' | 'sentinel'
  /** Since it was opened. */
  readonly age: number
  /** Responses it has carried. */
  readonly served: number
  /** How long it has been idle; 0 while it is active. */
  readonly idleMs: number
  /** Whether it tests if its backend keeps connections open. */
  readonly trial: boolean
}

/** One link to a backend, for the whole life of its socket. */
export class Connection implements SocketReader {
  readonly id: number
  readonly target: string
  readonly socket: BackendSocket
  /** Makes the heads of its requests. */
  readonly heads: RequestHeads
  readonly openedAt: number
  /** The pool's generation when the connection was opened. */
  readonly generation: number
  readonly view: ConnectionView
  /** Limit of a response's head, in bytes. */
  readonly maxHeaderSize: number
  /** Limit of a response's body, in bytes; -1 for none. */
  readonly maxResponseSize: number
  /** Its place among the active connections. `PlacedSet` writes it. */
  place = 0
  // Only the methods of this class write the state below.
  #state: 'idle' | 'active' | 'closed' = 'active'
  #served = 0
  #remaining: number
  #expiresAt: number
  #idleSince = 0
  #acquiredAt = 0
  #trial = false
  #boundTo: object | undefined
  #method: string | undefined
  #minor: 0 | 1 = 1
  #bodiless = false
  #resting = false
  /** The present request. An idle connection keeps no reference to its last request, nor to that request's client. */
  #user: ConnectionUser | undefined
  #endedBy: CloseReason | undefined
  readonly #pool: ConnectionPool | undefined
  readonly #owner: ConnectionOwner
  readonly #ageJitter: number

  constructor (socket: BackendSocket, from: {
    id: number, target: string, pool?: ConnectionPool, owner: ConnectionOwner, heads: RequestHeads
    options: Pick<ResolvedTargetOptions, 'undiciOptions' | 'pool'>, now: number, generation: number, clock: () => number
  }) {
    this.id = from.id
    this.target = from.target
    this.#pool = from.pool
    this.socket = socket
    this.heads = from.heads
    this.openedAt = from.now
    this.generation = from.generation
    this.#ageJitter = 1 + MAX_AGE_JITTER * (2 * Math.random() - 1)
    this.#expiresAt = this.#remaining = Infinity
    this.limit(from.options.pool)
    this.view = new View(this, from.clock)
    this.maxHeaderSize = from.options.undiciOptions.maxHeaderSize ?? MAX_HEADER_SIZE
    this.maxResponseSize = from.options.undiciOptions.maxResponseSize ?? -1
    this.#owner = from.owner
    socket.reader = this
  }

  /** The pool that it is in. Not for the connections of a probe, which are in none. */
  get pool (): ConnectionPool { return this.#pool! }
  /** Id of the endpoint that it leads to; '' for the connections of a probe. */
  get endpoint (): string { return this.#pool?.host.id ?? '' }
  get state (): 'idle' | 'active' | 'closed' { return this.#state }
  /** Responses it has carried. */
  get served (): number { return this.#served }
  /** How many requests it may still carry, by `maxRequestsPerConnection` or by the backend's `Keep-Alive: max=`. */
  get remaining (): number { return this.#remaining }
  /** From when on it takes no new request, on the pool's clock. */
  get expiresAt (): number { return this.#expiresAt }
  /** Since when it has been idle; while active, since when it was idle before. On the pool's clock. */
  get idleSince (): number { return this.#idleSince }
  /** When it was given to its exchange, on the pool's clock. */
  get acquiredAt (): number { return this.#acquiredAt }
  /** Whether it tests if its backend keeps connections open. */
  get trial (): boolean { return this.#trial }
  /** The only client connection that it serves, since that client has authenticated it; undefined where it serves any client. */
  get boundTo (): object | undefined { return this.#boundTo }
  /** The method of the present request, or of the last one. */
  get method (): string | undefined { return this.#method }
  /** 0 for HTTP/1.0, 1 for HTTP/1.1, as in the last response. */
  get minor (): 0 | 1 { return this.#minor }
  /** Whether the last response had no body by rule. Bytes that follow it may be a body that a faulty backend has sent. */
  get bodiless (): boolean { return this.#bodiless }
  /** Whether it is idle and takes no request until its rest is over (see `Resting`). */
  get resting (): boolean { return this.#resting }
  get user (): ConnectionUser | undefined { return this.#user }
  /** The backend's `address:port`; undefined where it has none. */
  get address (): string | undefined { return this.socket.address }
  /** The socket's error, where it has failed. */
  get error (): Error | undefined { return this.socket.error }
  /** How the socket ended; undefined while the connection can carry a request, as far as this process knows. */
  get endedBy (): CloseReason | undefined { return this.#endedBy }
  /** Whether the backend has stopped reading its requests. */
  get writeBlocked (): boolean { return this.socket.writeBlocked }
  /** Whether the kernel may hold more bytes than the last read took. */
  get mayHoldMore (): boolean { return this.socket.mayHoldMore }
  /** Whether bytes of its requests wait for the system to take them. */
  get writePending (): boolean { return this.socket.writePending }
  /** Whether the system has refused bytes of a request. */
  get writeFailed (): boolean { return this.socket.writeFailed }
  /** Whether the backend's end is a reset, even where it looked like a FIN. */
  get endedByReset (): boolean { return this.socket.ending === 'reset' }

  /** The pool gives the connection to a request. @param now on the pool's clock */
  toActive (now: number): void {
    this.#state = 'active'
    this.#acquiredAt = now
  }

  /** The pool takes the connection back, or keeps a new one for a later request. @param now since when it is idle, on the pool's clock */
  toIdle (now: number): void {
    this.#state = 'idle'
    this.#idleSince = now
  }

  /** The pool no longer counts the connection. `destroy` ends the socket. */
  toClosed (): void {
    this.#state = 'closed'
  }

  startResting (): void { this.#resting = true }
  endResting (): void { this.#resting = false }
  beginTrial (): void { this.#trial = true }
  endTrial (): void { this.#trial = false }

  /** From now on it serves this client connection only; with `NO_CLIENT`, no client. */
  bindTo (client: object): void {
    this.#boundTo = client
  }

  /** Applies the limits of age and requests. `remaining` never rises: the backend may have set it by `max=`. */
  limit ({ maxConnectionAge, maxRequestsPerConnection }: ResolvedTargetOptions['pool']): void {
    this.#expiresAt = maxConnectionAge === 0 ? Infinity : this.openedAt + maxConnectionAge * this.#ageJitter
    if (maxRequestsPerConnection > 0) this.#remaining = Math.min(this.#remaining, maxRequestsPerConnection - this.#served)
  }

  /** Why it takes no new request; undefined where it takes one. @param generation the pool's present generation */
  wornBy (now: number, generation: number): CloseReason | undefined {
    if (this.#boundTo === NO_CLIENT) return 'client_gone'
    if (this.generation !== generation) return 'updated'
    if (this.#remaining <= 0) return 'max_requests'
    return now >= this.#expiresAt ? 'max_age' : undefined
  }

  /** A request takes the connection. */
  use (user: ConnectionUser, method: string): void {
    this.#user = user
    this.#method = method
    this.socket.ref()
  }

  /** A whole response has been read. @param bodiless whether it has no body by rule, whatever its head said */
  answered (bodiless: boolean): void {
    this.#served++
    this.#bodiless = bodiless
  }

  /** The head of a response has been read. */
  saidVersion (minor: 0 | 1): void {
    this.#minor = minor
  }

  /** Lowers `remaining` by one, and to the backend's `max` where that is lower. */
  countDown (max: number | undefined): void {
    this.#remaining--
    if (max !== undefined && max < this.#remaining) this.#remaining = max
  }

  /** The request has left the connection. An idle connection does not keep the process alive. */
  leave (user: ConnectionUser): void {
    if (this.#user !== user) return
    this.#user = undefined
    this.socket.unref()
  }

  pauseReading (): void { this.socket.pause() }
  resumeReading (): void { this.socket.resume() }

  /** Gives the socket to a tunnel. @param rest bytes that have been read, for the tunnel to begin with */
  handOver (rest: Buffer): Duplex {
    return this.socket.handOver(rest)
  }

  /** Ends the socket. The pool counts the close and names its reason. */
  destroy (): void {
    this.socket.destroy()
  }

  onRead (bytes: Buffer, length: number, own: boolean): void {
    if (this.#user === undefined || !this.#user.read(bytes, length, own)) this.#end('unexpected_data')
  }

  onEnd (): void {
    if (this.#endedBy !== undefined) return
    this.#endedBy = 'backend_idle'
    if (this.#user === undefined) this.#owner.connectionLost(this, 'backend_idle')
    else this.#user.readEnd()
  }

  onClose (): void {
    const { ending, error } = this.socket
    if (ending !== 'own') this.#end(ending === 'error' && !isLoss(error) ? 'error' : 'backend_idle')
  }

  onDrain (): void {
    this.#user?.drained()
  }

  onWriteFailed (): void {
    this.#user?.writeFailed()
  }

  #end (reason: CloseReason): void {
    if (this.#endedBy !== undefined) return
    this.#endedBy = reason
    this.socket.destroy()
    if (this.#user === undefined) this.#owner.connectionLost(this, reason)
    else this.#user.lost()
  }
}

/** The states of connections at one moment, the sentinel last. */
export function snapshotsOf (connections: readonly Connection[], sentinel: Connection | undefined, now: number): ConnectionSnapshot[] {
  return [...connections, ...sentinel === undefined ? [] : [sentinel]].map(connection => {
    const { id, endpoint, state, openedAt, served, idleSince, trial } = connection
    const active = state === 'active'
    const shown = connection === sentinel ? 'sentinel' : active ? 'active' : 'idle'
    return { id, endpoint, state: shown, age: now - openedAt, served, idleMs: active ? 0 : now - idleSince, trial }
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
  get endpoint (): string { return this.#connection.endpoint }
  get served (): number { return this.#connection.served }
  get age (): number { return this.#clock() - this.#connection.openedAt }
  get trial (): boolean { return this.#connection.trial }
  get method (): string | undefined { return this.#connection.method }
  get address (): string | undefined { return this.#connection.address }
}

// Errors of a lost connection. Other errors mean that the socket does not work.
const LOSSES = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT'])

function isLoss (error: Error | undefined): boolean {
  return LOSSES.has((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}
