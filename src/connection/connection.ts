import type { Duplex } from 'node:stream'
import type { HoldfastError } from '../errors.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { BackendSocket, SocketReader } from '../wire/backend-socket.js'
import type { RequestHeads } from '../wire/http1/request-head.js'
import { NO_CLIENT } from './bindings.js'
import type { CloseReason, ConnectionView } from './observer.js'

/** Who a connection tells that it is gone while nobody had a request on it. */
export interface ConnectionOwner {
  connectionLost (connection: Connection, reason: CloseReason): void
}

/** What is on a connection: it gets all that the socket tells. */
export interface ConnectionUser {
  /** Bytes, valid during the call only unless they are its `own`. Returns false where nothing was asked that they could answer. */
  read (bytes: Buffer, length: number, own: boolean): boolean
  /** The backend's FIN has been read, and all before it. */
  readEnd (): void
  /** The connection is gone: `Connection.endedBy` says how. */
  lost (): void
  /** The socket takes more. */
  drained (): void
  writeFailed (): void
  abort (error: HoldfastError, reason: CloseReason): void
  checkDeadline (now: number): void
}

// Connections that were opened together do not all end together.
const MAX_AGE_JITTER = 0.1
// As undici's and node's, in bytes.
const MAX_HEADER_SIZE = 16_384

/** A connection at one moment: `target.connections()`. Times in ms. */
export interface ConnectionSnapshot {
  /** Unique in the app; observers know the connection by it. */
  readonly id: number
  /** The sentinel is idle past the limit, to see when the backend closes it. */
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

/** One link to a backend, for its socket's whole life. */
export class Connection implements SocketReader {
  readonly id: number
  readonly target: string
  readonly socket: BackendSocket
  /** Makes the heads of its requests. */
  readonly heads: RequestHeads
  readonly openedAt: number
  /** Its pool's, when it was dialled. */
  readonly generation: number
  readonly view: ConnectionView
  /** Of a response's head, in bytes. */
  readonly maxHeaderSize: number
  /** Of a response's body, in bytes; -1 for none. */
  readonly maxResponseSize: number
  /** Its place among the active ones, which `PlacedSet` keeps. */
  place = 0
  // All that changes is written here alone, and by the verbs below.
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
  /** What is on it. An idle connection holds nothing of its last request, nor of the client who sent it. */
  #user: ConnectionUser | undefined
  #endedBy: CloseReason | undefined
  readonly #owner: ConnectionOwner
  readonly #ageJitter: number

  constructor (socket: BackendSocket, from: {
    id: number, target: string, heads: RequestHeads, options: Pick<ResolvedTargetOptions, 'undiciOptions' | 'pool'>, owner: ConnectionOwner
    now: number, generation: number, clock: () => number
  }) {
    this.id = from.id
    this.target = from.target
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

  get state (): 'idle' | 'active' | 'closed' { return this.#state }
  /** Responses it has carried. */
  get served (): number { return this.#served }
  /** Requests it may still carry: a limit of ours, or what the backend said in `Keep-Alive: max=`. */
  get remaining (): number { return this.#remaining }
  /** When it takes no new request any more, on the pool's clock. */
  get expiresAt (): number { return this.#expiresAt }
  /** Since when it is idle, or was before its last exchange, on the pool's clock. */
  get idleSince (): number { return this.#idleSince }
  /** When it was given to its exchange, on the pool's clock. */
  get acquiredAt (): number { return this.#acquiredAt }
  /** Whether it tests if its backend keeps connections open. */
  get trial (): boolean { return this.#trial }
  /** The client connection that alone it serves, since its client has authenticated it; undefined where it serves any. */
  get boundTo (): object | undefined { return this.#boundTo }
  /** Of the request that is on it, or was last. */
  get method (): string | undefined { return this.#method }
  /** HTTP/1.0 or 1.1, as the last response said. */
  get minor (): 0 | 1 { return this.#minor }
  /** Whether the last response had no body by rule, so that what is read behind it may be one. */
  get bodiless (): boolean { return this.#bodiless }
  /** Whether it lies idle and carries no request yet, until it is known to be quiet. */
  get resting (): boolean { return this.#resting }
  get user (): ConnectionUser | undefined { return this.#user }
  /** Of the backend, `address:port`; undefined where it has none. */
  get address (): string | undefined { return this.socket.address }
  /** The socket's, where it has failed. */
  get error (): Error | undefined { return this.socket.error }
  /** Who ended the socket, where it has ended; undefined while it can carry a request, as far as this side knows. */
  get endedBy (): CloseReason | undefined { return this.#endedBy }
  /** Whether the backend has stopped reading what is written to it. */
  get writeBlocked (): boolean { return this.socket.writeBlocked }
  /** Whether something may lie there that came together with what was read last. */
  get mayHoldMore (): boolean { return this.socket.mayHoldMore }
  /** Whether bytes of a request have not been taken by the system yet. */
  get writePending (): boolean { return this.socket.writePending }
  /** Whether the system has refused to take bytes of a request. */
  get writeFailed (): boolean { return this.socket.writeFailed }
  /** Whether the backend's end is a reset, even where it looked like a FIN. */
  get endedByReset (): boolean { return this.socket.ending === 'reset' }

  /** The pool gives it to a request. @param now on the pool's clock */
  toActive (now: number): void {
    this.#state = 'active'
    this.#acquiredAt = now
  }

  /** The pool takes it back, or keeps it for a later request. @param now on the pool's clock */
  toIdle (now: number): void {
    this.#state = 'idle'
    this.#idleSince = now
  }

  /** The pool has counted it out. `destroy` ends the socket. */
  toClosed (): void {
    this.#state = 'closed'
  }

  startResting (): void { this.#resting = true }
  endResting (): void { this.#resting = false }
  beginTrial (): void { this.#trial = true }
  endTrial (): void { this.#trial = false }

  /** It serves this client connection alone from now on; `NO_CLIENT`: none any more. */
  bindTo (client: object): void {
    this.#boundTo = client
  }

  /** Holds it to limits of age and requests. `remaining` never rises: the backend may have set it by `max=`. */
  limit ({ maxConnectionAge, maxRequestsPerConnection }: ResolvedTargetOptions['pool']): void {
    this.#expiresAt = maxConnectionAge === 0 ? Infinity : this.openedAt + maxConnectionAge * this.#ageJitter
    if (maxRequestsPerConnection > 0) this.#remaining = Math.min(this.#remaining, maxRequestsPerConnection - this.#served)
  }

  /** Why it takes no new request any more; undefined where it does. @param generation the pool's now */
  wornBy (now: number, generation: number): CloseReason | undefined {
    if (this.#boundTo === NO_CLIENT) return 'client_gone'
    if (this.generation !== generation) return 'updated'
    if (this.#remaining <= 0) return 'max_requests'
    return now >= this.#expiresAt ? 'max_age' : undefined
  }

  /** A request is on it from now on. */
  use (user: ConnectionUser, method: string): void {
    this.#user = user
    this.#method = method
    this.socket.ref()
  }

  /** A response has come whole. @param bodiless by rule, whatever its head said */
  answered (bodiless: boolean): void {
    this.#served++
    this.#bodiless = bodiless
  }

  /** The head of a response has come. */
  saidVersion (minor: 0 | 1): void {
    this.#minor = minor
  }

  /** It may carry one request fewer; no more than `max`, where the backend has said that. */
  countDown (max: number | undefined): void {
    this.#remaining--
    if (max !== undefined && max < this.#remaining) this.#remaining = max
  }

  /** Nothing is on it any more. An idle connection keeps no process alive. */
  leave (user: ConnectionUser): void {
    if (this.#user !== user) return
    this.#user = undefined
    this.socket.unref()
  }

  pauseReading (): void { this.socket.pause() }
  resumeReading (): void { this.socket.resume() }

  /** Gives the socket away, for a tunnel. @param rest what has been read of it */
  handOver (rest: Buffer): Duplex {
    return this.socket.handOver(rest)
  }

  /** Ends the socket. The pool keeps the count and names the reason. */
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

// Errors by which a connection is lost on its way, as against those of a socket that does not work.
const LOSSES = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT'])

function isLoss (error: Error | undefined): boolean {
  return LOSSES.has((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}
