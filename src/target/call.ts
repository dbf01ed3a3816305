import type { Duplex } from 'node:stream'
import type { ClientConnection } from '../connection/bindings.js'
import type { Connection } from '../connection/connection.js'
import { Exchange } from '../connection/exchange.js'
import type { ExchangeRequest, ExchangeSink, Failure } from '../connection/exchange.js'
import type { Fit } from '../connection/idle-stack.js'
import type { CloseReason, ConnectionObserver, Persistence, Provenance } from '../connection/observer.js'
import type { Pool } from '../connection/pool.js'
import type { Ticket, Waiter } from '../connection/waiting-queue.js'
import { HoldfastError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import { authenticatesConnection, challengesConnection } from '../http/connection-auth.js'
import type { ResponseHead } from '../http/response-head.js'
import { StreamedBody } from '../http/streamed-body.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { hasBytes } from '../wire/http1/send-request.js'
import type { Served } from './after-response.js'
import { USUAL, kindOf } from './persistence.js'
import type { RequestKind } from './persistence.js'
import { ProvenanceRecord } from './provenance.js'
import { decideRetry } from './retry.js'
import type { CallTrace, Tracing } from './tracing.js'

/** A request to a target, with what decides on its retry. Timeouts in ms; undefined takes the target's. */
export interface CallRequest extends Omit<ExchangeRequest, 'headersTimeout' | 'bodyTimeout'> {
  readonly headersTimeout: number | undefined
  readonly bodyTimeout: number | undefined
  readonly idempotent: boolean
  /** The body can be sent a second time: there is none, or all of it is held. Of a streamed one it is known only when it is asked again. */
  readonly replayable: boolean
  /** The caller wants the connection closed after it. */
  readonly askClose: boolean
  /** The client's connection: one to the backend that it authenticates (NTLM, Negotiate) serves no other. Without it, it serves none after. */
  readonly clientConnection?: ClientConnection | undefined
}

/**
 * Who gets the response. After `ended`, `upgraded` or `failed`, of which exactly one comes, nothing is called any more. A socket calls back
 * in the async context of whatever request it was opened for: a handler that runs a user's code does so in that of its own.
 */
export interface CallHandler extends Omit<ExchangeSink, 'failed'> {
  /** `responseStarted`: a part of a response had come. */
  failed (error: HoldfastError, responseStarted: boolean): void
}

/** What a call needs of its target. */
export interface CallHost {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  readonly persistence: Persistence
  /** Kinds of requests of which each gets a fresh connection, since the backend closes those after them. */
  readonly apart: ReadonlySet<RequestKind>
  /** How long a connection may have been idle for a request that could not be sent again, in ms. */
  readonly unsafeIdleLimit: number
  readonly pool: Pool
  readonly tally: Required<ConnectionObserver>
  /** Most often nobody traces. */
  readonly tracing: Tracing | undefined
  /** A reused connection was lost under a request without a byte of an answer, and `others` that had been idle for as long were given up. */
  reuseLost (connection: Connection, after: Served, others: number): LostReuse | undefined
  /** Whether the backend is known to close right behind some responses. */
  readonly closesBehind: boolean
  /** How long a connection must have been quiet before it carries a request that could not be sent again, in ms. */
  quietBefore (connection: Connection): number
  /** A connection has served another request after this response. */
  keptAfter (after: Served): void
  /** Whether this connection shall test if the backend keeps connections open. */
  claimTrial (connection: Connection): boolean
}

/** A loss that may have been an idle close: whoever sends the request again finds out. */
export interface LostReuse {
  /** On a fresh connection it was answered. */
  answered (): void
  /** It was not sent again. */
  unknown (): void
}

// What lies in the kernel when a connection is taken is read first where it has been idle for so long, in ms: a FIN (`npm run bench:pending-fin`),
// or bytes that no request has asked for and that the next one would get for its answer. Within less it was read a moment ago.
const UNREAD_AFTER = 1
const ANY: Fit = { maxIdle: Infinity, trial: true }
const NOTHING_SERVED: Served = { method: undefined, nth: 0 }
const FRESH: Fit = { maxIdle: -1, trial: false }

/** One request to a target, from acquiring a connection to the end of its response; it may take two attempts. */
export class Call implements Waiter, ExchangeSink {
  readonly #target: CallHost
  readonly #request: CallRequest
  readonly #handler: CallHandler
  readonly #record = new ProvenanceRecord()
  readonly #trace: CallTrace | undefined
  #ticket: Ticket | undefined
  #exchange: Exchange | undefined
  #connection: Connection | undefined
  #lostReuse: LostReuse | undefined
  /** Of its connection, before this request. */
  #after: Served = NOTHING_SERVED
  #retried = false
  #over = false

  constructor (target: CallHost, request: CallRequest, handler: CallHandler) {
    this.#target = target
    this.#request = request
    this.#handler = handler
    this.#trace = target.tracing?.call(target.origin, request)
  }

  /** Step 5: a connection, or a place to wait for one. */
  start (): void {
    const { pool, persistence, options } = this.#target
    this.#trace?.begin()
    if (this.#tunnels && pool.upgradedCount >= options.pool.maxUpgraded) {
      this.#fail(new HoldfastError('HOLDFAST_ERR_TOO_MANY_UPGRADES'))
      return
    }
    const retryable = this.#retryable
    let fit = FRESH
    if (!this.#retried && !this.#apart) {
      if (persistence === 'persistent') fit = retryable ? ANY : { maxIdle: this.#target.unsafeIdleLimit, trial: false, once: true }
      // All that is idle now is on trial, and that is for requests that can be sent again.
      else if (persistence === 'trial' && this.#tests) fit = ANY
    }
    const connection = fit === FRESH ? undefined : pool.acquire(fit, this.#request.clientConnection)
    if (connection !== undefined) this.#begin(connection, true)
    // Unless all are kept open, a connection that is returned is of no use to this one.
    else this.#ticket = pool.wait(persistence === 'persistent' ? fit : FRESH, this)
  }

  /** Gives the request up. Its handler is not called any more; its connection, or its place in the queue, is free. */
  abort (error: HoldfastError, reason: CloseReason): void {
    if (this.#over) return
    this.#over = true
    this.#trace?.failed(error.code)
    this.#stopWaiting()
    if (this.#ticket !== undefined) this.#target.pool.leave(this.#ticket)
    this.#exchange?.abort(error, reason)
  }

  /** Lets a response go on whose handler returned false from `data`. */
  resume (): void {
    this.#exchange?.resume()
  }

  /** How it has travelled so far. @param error what its owner ended it with */
  provenance (error: ErrorCode | undefined): Provenance {
    return this.#record.read(this.#target, error)
  }

  granted (connection: Connection, fresh: boolean, waitMs: number): void {
    this.#record.waited(waitMs)
    // One that was refused for good would not be here.
    if (this.#ticket !== undefined && this.#ticket.retryUntil > 0) this.#record.retried('connect')
    this.#ticket = undefined
    this.#begin(connection, !fresh)
  }

  refused (error: HoldfastError): void {
    this.#stopWaiting()
    this.#ticket = undefined
    this.#fail(error)
  }

  informed (status: number, lines: string[]): void {
    if (!this.#over) this.#handler.informed(status, lines)
  }

  responded (status: number, head: ResponseHead, statusText: string): void {
    this.#lostReuse?.answered()
    if (this.#after.nth > 0 && this.#target.closesBehind) this.#target.keptAfter(this.#after)
    this.#trace?.responded(status)
    if (challengesConnection(status, head.list)) this.#target.pool.bind(this.#connection!, this.#request.clientConnection)
    if (!this.#over) this.#handler.responded(status, head, statusText)
  }

  data (chunk: Buffer): boolean {
    return this.#over || this.#handler.data(chunk)
  }

  goesOn (): void {
    this.#handler.goesOn?.()
  }

  ended (trailers: string[]): void {
    if (this.#over) return
    this.#over = true
    this.#trace?.ended()
    this.#handler.ended(trailers)
  }

  upgraded (status: number, head: ResponseHead, socket: Duplex): void {
    if (this.#over) {
      socket.destroy()
      return
    }
    // Others may have been upgraded since this one was let through.
    if (this.#target.pool.upgradedCount > this.#target.options.pool.maxUpgraded) {
      socket.destroy()
      this.#fail(new HoldfastError('HOLDFAST_ERR_TOO_MANY_UPGRADES'))
      return
    }
    this.#over = true
    this.#trace?.responded(status)
    this.#trace?.ended()
    this.#handler.upgraded(status, head, socket)
  }

  bodySent (chunk: Buffer): void {
    this.#handler.bodySent(chunk)
  }

  requestSent (): void {
    this.#handler.requestSent()
  }

  /** Step 7: decide on the evidence. */
  failed (failure: Failure): void {
    const { tally, pool, options, name } = this.#target
    this.#exchange = undefined
    this.#trace?.failed(failure.error.code)
    const poisoned = this.#connection?.endedBy === 'unexpected_data'
    const stale = failure.reused && failure.lost && !failure.responseStarted && !poisoned
    // What has been idle for as long as this one has most likely met the same end.
    const others = stale ? pool.evict('stale_suspect', this.#connection!.idleSince) : 0
    // Where nothing was written it was an idle close, and has been told of.
    const lostReuse = stale && failure.written ? this.#target.reuseLost(this.#connection!, this.#after, others) : undefined
    const kind = options.retry.stale
      ? decideRetry({ ...failure, clientGone: this.#over, idempotent: this.#request.idempotent, replayable: this.#replayable, retried: this.#retried })
      : undefined
    if (kind === undefined) {
      lostReuse?.unknown()
      this.#fail(failure.error, failure.responseStarted)
      return
    }
    this.#retried = true
    this.#lostReuse = lostReuse
    this.#record.retried(kind)
    tally.retried(name, kind)
    this.start()
  }

  get #replayable (): boolean {
    const { body, replayable } = this.#request
    return replayable || (body instanceof StreamedBody && body.replayable)
  }

  get #retryable (): boolean {
    return this.#request.idempotent && this.#request.replayable && this.#target.options.retry.stale
  }

  /** Whether it may find out if connections are kept: after another kind the backend may close any, and a tunnel never ends like a response. */
  get #tests (): boolean {
    return this.#retryable && !this.#tunnels && kindOf(this.#request.method, hasBytes(this.#request.body)) === USUAL
  }

  /** Whether its connection becomes a tunnel, if the backend agrees. */
  get #tunnels (): boolean {
    return this.#request.upgrade !== undefined || this.#request.method === 'CONNECT'
  }

  get #apart (): boolean {
    const { apart } = this.#target
    return apart.size > 0 && apart.has(kindOf(this.#request.method, hasBytes(this.#request.body)))
  }

  /** Step 6: one request on one connection. */
  #begin (connection: Connection, reused: boolean): void {
    const { persistence, pool } = this.#target
    // An observer that was told that the connection is taken may have ended the request, or all of the target.
    if (this.#over) return pool.exchangeEnded(connection, undefined, undefined)
    if (pool.destroyed) {
      pool.exchangeEnded(connection, 'drained', undefined)
      return this.#fail(new HoldfastError('HOLDFAST_ERR_DRAINING'))
    }
    this.#connection = connection
    this.#record.begun(connection, reused, persistence)
    const request = this.#request
    const retryable = this.#retryable
    this.#after = reused ? { method: connection.method, nth: connection.served } : NOTHING_SERVED
    if (authenticatesConnection(request.headers)) this.#target.pool.bind(connection, request.clientConnection)
    this.#exchange = new Exchange(connection, this.#target.pool, this, this.#toSend(), {
      reused,
      closeFor: this.#closeFor(connection),
      retryable: retryable && !this.#retried,
      watch: reused ? this.#watchOf(connection, retryable) : undefined
    })
    this.#exchange.begin()
  }

  /** The request itself, unless something has to be filled in. */
  #toSend (): ExchangeRequest {
    const request = this.#request
    if (this.#trace === undefined && isWhole(request)) return request
    const { headersTimeout, bodyTimeout } = this.#target.options.undiciOptions
    return {
      method: request.method,
      path: request.path,
      headers: this.#trace === undefined ? request.headers : this.#trace.connected(this.provenance(undefined)),
      body: request.body,
      length: request.length,
      headersTimeout: request.headersTimeout ?? headersTimeout,
      bodyTimeout: request.bodyTimeout ?? bodyTimeout,
      upgrade: request.upgrade
    }
  }

  /** How long to watch a connection for its end before the request is written; undefined: not at all. */
  #watchOf (connection: Connection, retryable: boolean): number | undefined {
    const idleMs = connection.acquiredAt - connection.idleSince
    if (!retryable) return Math.max(0, this.#target.quietBefore(connection) - idleMs)
    // What has come behind the last response answers nothing, and is read before there is something that it could answer.
    return idleMs >= UNREAD_AFTER || connection.mayHoldMore ? 0 : undefined
  }

  #closeFor (connection: Connection): CloseReason | undefined {
    if (this.#request.askClose) return 'connection_close'
    const { persistence } = this.#target
    if (persistence === 'persistent') return undefined
    if (persistence === 'trial' && (connection.trial || (this.#tests && this.#target.claimTrial(connection)))) return undefined
    return 'non_persistent'
  }

  // The pool tells only those how long to whom it gives a connection.
  #stopWaiting (): void {
    if (this.#ticket !== undefined) this.#record.waited(this.#target.pool.waited(this.#ticket))
  }

  #fail (error: HoldfastError, responseStarted = false): void {
    if (this.#over) return
    this.#over = true
    this.#trace?.failed(error.code)
    this.#target.tally.rejected(this.#target.name, error.code, this.#record.read(this.#target, error.code))
    this.#handler.failed(error, responseStarted)
  }
}

function isWhole (request: CallRequest): request is CallRequest & ExchangeRequest {
  return request.headersTimeout !== undefined && request.bodyTimeout !== undefined
}
