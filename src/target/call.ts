import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ClientConnection } from '../connection/bindings.js'
import type { Connection } from '../connection/connection.js'
import { Exchange } from '../connection/exchange.js'
import type { ExchangeRequest, ExchangeSink, Failure } from '../connection/exchange.js'
import type { Fit } from '../connection/idle-stack.js'
import type { CloseReason, ConnectionObserver, Provenance } from '../connection/observer.js'
import type { Pools, Wait } from '../connection/pools.js'
import type { Ticket, Waiter } from '../connection/waiting-queue.js'
import type { Endpoint } from '../endpoint/endpoint.js'
import type { Endpoints } from '../endpoint/endpoints.js'
import { Placement } from '../endpoint/placement.js'
import type { ResponseBeginning } from '../endpoint/placement.js'
import { decideElsewhere } from '../endpoint/retry-elsewhere.js'
import type { ElsewhereDecision } from '../endpoint/retry-elsewhere.js'
import { HoldfastError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import { authenticatesConnection, challengesConnection } from '../http/connection-auth.js'
import { firstValue } from '../http/headers.js'
import type { ResponseHead } from '../http/response-head.js'
import { StreamedBody } from '../wire/streamed-body.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { hasBytes } from '../wire/http1/send-request.js'
import type { Served } from './after-response.js'
import type { Belief, LostReuse } from './belief.js'
import { USUAL, kindOf } from './persistence.js'
import { ProvenanceRecord } from './provenance.js'
import type { CallTrace, Tracing } from './tracing.js'

/** A request to a target, and what decides on its retry. Timeouts in ms; undefined takes the target's. */
export interface CallRequest extends Omit<ExchangeRequest, 'headersTimeout' | 'bodyTimeout'> {
  readonly headersTimeout: number | undefined
  readonly bodyTimeout: number | undefined
  readonly idempotent: boolean
  /** There is no body, or all of it is held. False for a `StreamedBody`, which says itself, at a failure, whether it can be sent again. */
  readonly replayable: boolean
  /** The caller wants the connection closed after it. */
  readonly askClose: boolean
  /**
   * The client's connection. A backend connection that its request authenticates (NTLM, Negotiate) serves no other client connection.
   * Where it is undefined, such a backend connection serves no further request.
   */
  readonly clientConnection?: ClientConnection | undefined
  /** Who asks. It is read where the target has several endpoints. */
  readonly asker?: Asker | undefined
  /** The endpoint that the request was sent to by name (`host:port`); it goes to no other. */
  readonly pinned?: string | undefined
}

/** The client of a request, as affinity and the evidence about endpoints use it. A `FastifyRequest` is one. */
export interface Asker {
  /** Its address. */
  readonly ip: string
  /** Its headers, as node:http gives them. */
  readonly headers: IncomingHttpHeaders
}

/**
 * Gets the response. Unless the call is aborted, exactly one of `ended`, `upgraded` and `failed` is called, and nothing after it. A socket
 * calls back in the async context of the request that it was opened for, so a handler that runs a user's code must restore the context of
 * its own request.
 */
export interface CallHandler extends Omit<ExchangeSink, 'failed'> {
  /** `responseStarted`: a part of a response has been read. */
  failed (error: HoldfastError, responseStarted: boolean): void
}

/** What a call needs from its target. */
export interface CallContext {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  readonly belief: Belief
  readonly pools: Pools
  readonly endpoints: Endpoints
  readonly observers: Required<ConnectionObserver>
  /** undefined in an app without tracing. */
  readonly tracing: Tracing | undefined
}

// A connection that has been idle for so long, in ms, is read before its request is written. The kernel may hold a FIN
// (`npm run bench:pending-fin`), or bytes that no request has asked for and that the request would take for its response. A connection that
// has been idle for less has just been read.
const UNREAD_AFTER = 1
const ANY: Fit = { idleAtMost: Infinity, trial: true }
const NOTHING_SERVED: Served = { method: undefined, nth: 0 }
const FRESH: Fit = { idleAtMost: -1, trial: false }

/** One request to a target, from acquiring a connection to the end of its response. It may take two attempts. */
export class Call implements Waiter, ExchangeSink {
  readonly #target: CallContext
  readonly #request: CallRequest
  readonly #handler: CallHandler
  readonly #record = new ProvenanceRecord()
  readonly #trace: CallTrace | undefined
  /** Where the request goes; undefined where its target has one endpoint, and never another. */
  readonly #placement: Placement | undefined
  /** The endpoint of the present attempt. */
  #endpoint: Endpoint | undefined
  #ticket: Ticket | undefined
  #exchange: Exchange | undefined
  #connection: Connection | undefined
  #lostReuse: LostReuse | undefined
  /** The endpoint of the connection that was lost. */
  #lostBy: Endpoint | undefined
  /** The last response of its connection before this request. */
  #after: Served = NOTHING_SERVED
  #retried = false
  #written = false
  #over = false

  constructor (target: CallContext, request: CallRequest, handler: CallHandler) {
    this.#target = target
    this.#request = request
    this.#handler = handler
    this.#trace = target.tracing?.call(target.origin, request)
    if (target.endpoints.several) {
      this.#placement = new Placement(target.endpoints, request, { repeatable: this.#retryable, tunnels: this.#tunnels })
    }
  }

  /** Step 5: an endpoint; there, a connection, or a place to wait for one. */
  start (): void {
    const { endpoints, options } = this.#target
    this.#trace?.begin()
    const placement = this.#placement
    if (placement !== undefined && this.#startBound(placement)) return
    const endpoint = this.#endpoint = placement === undefined ? endpoints.only ?? endpoints.all[0] : placement.choose(endpoints.clock())
    // The choice may begin a probing dial. That may close an idle connection, and an observer of the close may have ended the request.
    if (this.#over) return placement?.abandoned()
    if (endpoint === undefined) return this.#startNowhere()
    if (this.#tunnels && endpoint.pool.upgraded.size >= options.pool.maxUpgraded) {
      return this.#fail(new HoldfastError('HOLDFAST_ERR_TOO_MANY_UPGRADES'))
    }
    const fit = this.#fitOf(endpoint)
    const connection = fit === FRESH ? undefined : this.#target.pools.acquire(endpoint.pool, fit, this.#request.clientConnection)
    if (connection !== undefined) return this.#begin(connection, true)
    // Unless the backend is persistent, a returned connection is closed, or is on trial: this request waits for a fresh one.
    this.#wait({ pool: endpoint.pool, fit: endpoint.persistence === 'persistent' ? fit : FRESH, seeker: placement })
  }

  /** Gives the request up. Its handler is not called any more; its connection, or its place in the queue, is free. */
  abort (error: HoldfastError, reason: CloseReason): void {
    if (this.#over) return
    this.#over = true
    this.#trace?.failed(error.code)
    this.#stopWaiting()
    if (this.#ticket !== undefined) this.#target.pools.leave(this.#ticket)
    this.#exchange?.abort(error, reason)
    this.#placement?.abandoned()
  }

  /** Continues a response after its handler returned false from `data`. */
  resume (): void {
    this.#exchange?.resume()
  }

  /**
   * The `Set-Cookie` value that the response has to carry, or undefined.
   *
   * @param secure whether the client came over TLS
   */
  cookie (secure: boolean): string | undefined {
    return this.#placement?.cookie(secure)
  }

  /** The provenance up to now. @param error the code that the caller has ended the request with */
  provenance (error: ErrorCode | undefined): Provenance {
    const { name, endpoints } = this.#target
    return this.#record.read(name, this.#endpoint?.persistence ?? endpoints.persistence, error)
  }

  granted (connection: Connection, fresh: boolean, waitMs: number): void {
    this.#record.waited(waitMs)
    // A dial of this request has failed. Since the request has a connection now, the failure was not final.
    if (this.#ticket?.redialled === true) this.#record.retried('connect')
    this.#ticket = undefined
    const placement = this.#placement
    if (placement !== undefined) {
      // An observer of `acquired` may have ended the request.
      if (this.#over) placement.abandoned()
      else placement.granted(connection)
      this.#endpoint = placement.endpoint
    }
    this.#begin(connection, !fresh)
  }

  refused (error: HoldfastError): void {
    this.#stopWaiting()
    if (this.#ticket?.redialled === true) this.#record.retried('connect')
    this.#ticket = undefined
    this.#record.placed(this.#placement?.endpoint?.id)
    this.#placement?.abandoned()
    this.#fail(error)
  }

  informed (status: number, lines: string[]): void {
    if (!this.#over) this.#handler.informed(status, lines)
  }

  responded (status: number, head: ResponseHead, statusText: string): void {
    // Where its endpoint refuses dials now, it was stopped, and the loss was no idle close.
    if (this.#lostBy?.refusing === true) this.#lostReuse?.unknown()
    else this.#lostReuse?.answered()
    if (this.#after.nth > 0 && this.#target.belief.closesBehind) this.#target.belief.keptAfter(this.#after)
    this.#trace?.responded(status)
    if (challengesConnection(status, head.list)) this.#target.pools.bind(this.#connection!, this.#request.clientConnection)
    if (this.#placement === undefined) this.#endpoint!.answered(this.#connection!.acquiredAt)
    else this.#placement.responded(this.#connection!, this.#beginningOf(status, head))
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
    this.#placement?.leave()
    this.#handler.ended(trailers)
  }

  upgraded (status: number, head: ResponseHead, socket: Duplex): void {
    if (this.#over) {
      socket.destroy()
      return
    }
    // A tunnel counts as a request in flight for as long as it lasts.
    if (this.#placement !== undefined) {
      this.#placement.responded(this.#connection!, this.#beginningOf(status, head))
      socket.once('close', () => this.#placement!.leave())
    }
    // Other requests may have been upgraded since this one passed the same check in `start`.
    if (this.#endpoint!.pool.upgraded.size > this.#target.options.pool.maxUpgraded) {
      socket.destroy()
      this.#fail(new HoldfastError('HOLDFAST_ERR_TOO_MANY_UPGRADES'))
      return
    }
    this.#over = true
    this.#trace?.responded(status)
    this.#trace?.ended()
    this.#handler.upgraded(status, head, socket)
  }

  bodyWritten (chunk: Buffer): void {
    this.#handler.bodyWritten(chunk)
  }

  requestWritten (): void {
    this.#written = true
    this.#handler.requestWritten()
  }

  /** Step 7: decide on the evidence. */
  failed (failure: Failure): void {
    const { observers, belief, pools, name } = this.#target
    const connection = this.#connection!
    this.#exchange = undefined
    this.#trace?.failed(failure.error.code)
    const poisoned = connection.endedBy === 'unexpected_data'
    const stale = failure.reused && failure.lost && !failure.responseStarted && !poisoned
    // The backend has most likely closed each connection that has been idle for as long as this one.
    const others = stale ? pools.evict('stale_suspect', connection.idleSince, connection.pool) : 0
    // Where nothing was written, the loss was an idle close, and the pool has reported it.
    const lostReuse = stale && failure.writeBegun ? belief.reuseLost(connection, this.#after, others) : undefined
    const decision = this.#decide(failure)
    if (this.#over) this.#placement?.abandoned()
    else this.#placement?.failed(connection, failure, this.#written, decision)
    if (decision === undefined) {
      lostReuse?.unknown()
      this.#fail(failure.error, failure.responseStarted)
      return
    }
    this.#retried = true
    this.#written = false
    this.#lostReuse = lostReuse
    this.#lostBy = this.#endpoint
    this.#record.retried(decision.kind)
    observers.retried(name, decision.kind)
    // An observer may have ended the request.
    if (this.#over) lostReuse?.unknown()
    else this.start()
  }

  #decide (failure: Failure): ElsewhereDecision | undefined {
    if (!this.#target.options.retry.stale) return undefined
    const evidence = { clientGone: this.#over, idempotent: this.#request.idempotent, replayable: this.#replayable, retried: this.#retried }
    return this.#placement === undefined
      ? decideElsewhere({ ...failure, ...evidence, another: false, bound: false, affordable: true })
      : this.#placement.decide(failure, evidence)
  }

  /** A connection that the request's client has authenticated takes the request, whichever endpoint it leads to. */
  #startBound (placement: Placement): boolean {
    const { clientConnection, pinned } = this.#request
    if (this.#retried || pinned !== undefined) return false
    const connection = this.#target.pools.acquireBound(this.#fitWhereKept, clientConnection)
    if (connection === undefined) return false
    placement.begin(this.#target.endpoints.clock())
    this.#begin(connection, true)
    return true
  }

  /** There is no endpoint, or none has room. */
  #startNowhere (): void {
    const { endpoints } = this.#target
    const known = this.#request.pinned === undefined ? endpoints.pending || endpoints.all.length > 0 : false
    if (!known) return this.#fail(endpoints.noEndpoint())
    if (this.#placement!.outOfTunnels) return this.#fail(new HoldfastError('HOLDFAST_ERR_TOO_MANY_UPGRADES'))
    this.#wait({ pool: undefined, fit: this.#retried || this.#placement!.probes ? FRESH : ANY, seeker: this.#placement })
  }

  #wait (wait: Wait): void {
    const { endpoints, pools } = this.#target
    const verdict = endpoints.choice.verdict(this.#request.pinned === undefined ? undefined : this.#endpoint)
    switch (verdict.type) {
      case 'dial': {
        const { probes } = verdict
        if (probes !== undefined) {
          this.#endpoint = probes
          this.#placement?.dialsOnce(probes)
        }
        this.#ticket = pools.wait(probes === undefined ? wait : { ...wait, pool: probes.pool, once: true }, this)
        return
      }
      case 'join':
        this.#ticket = pools.join(wait, this, verdict.ms, () => endpoints.choice.dialError())
        return
      case 'refuse':
        this.#placement?.abandoned()
        this.#fail(verdict.error)
    }
  }

  /** Which idle connections of an endpoint the request can use; `FRESH` for none. */
  #fitOf ({ persistence, kept: { apart } }: Endpoint): Fit {
    if (this.#retried || this.#placement?.probes === true) return FRESH
    if (apart.size > 0 && apart.has(kindOf(this.#request.method, hasBytes(this.#request.body)))) return FRESH
    if (persistence === 'persistent') return this.#fitWhereKept
    // During a trial, an idle connection is one that is tested. It may be closed, so it takes only requests that can be sent again.
    return persistence === 'trial' && this.#tests ? ANY : FRESH
  }

  get #fitWhereKept (): Fit {
    return this.#retryable ? ANY : { idleAtMost: this.#target.belief.unsafeIdleLimit, trial: false, once: true }
  }

  #beginningOf (status: number, { signal, list }: ResponseHead): ResponseBeginning {
    const connection = this.#connection!
    return {
      status,
      retryAfter: status === 503 ? firstValue(list, 'retry-after') : undefined,
      persistent: signal.persistent,
      expectedClose: signal.max !== undefined || connection.remaining <= 1 || this.#closeFor(connection) !== undefined,
      withBody: hasBytes(this.#request.body),
      requestWritten: this.#written
    }
  }

  get #replayable (): boolean {
    const { body, replayable } = this.#request
    return replayable || (body instanceof StreamedBody && body.replayable)
  }

  get #retryable (): boolean {
    return this.#request.idempotent && this.#request.replayable && this.#target.options.retry.stale
  }

  /**
   * Whether it may be a trial. After a request of another kind, a backend that keeps connections may close one all the same; and a tunnel
   * does not end like a response.
   */
  get #tests (): boolean {
    return this.#retryable && !this.#tunnels && kindOf(this.#request.method, hasBytes(this.#request.body)) === USUAL
  }

  /** Whether its connection becomes a tunnel if the backend agrees. */
  get #tunnels (): boolean {
    return this.#request.upgrade !== undefined || this.#request.method === 'CONNECT'
  }

  /** Step 6: one request on one connection. */
  #begin (connection: Connection, reused: boolean): void {
    const { pools } = this.#target
    // An observer of `acquired` may have ended the request, or destroyed the target.
    if (this.#over) return pools.exchangeEnded(connection, undefined, undefined)
    if (pools.destroyed) {
      pools.exchangeEnded(connection, 'drained', undefined)
      return this.#fail(new HoldfastError('HOLDFAST_ERR_DRAINING'))
    }
    // Where it is bound to the client, no endpoint was chosen.
    if (this.#placement !== undefined && connection.pool !== this.#endpoint?.pool) {
      this.#placement.granted(connection)
      this.#endpoint = this.#placement.endpoint
    }
    const endpoint = this.#endpoint!
    endpoint.requests++
    this.#connection = connection
    this.#record.begun(connection, reused, endpoint.persistence, this.#placement === undefined ? undefined : endpoint.id)
    const request = this.#request
    const retryable = this.#retryable
    this.#after = reused ? { method: connection.method, nth: connection.served } : NOTHING_SERVED
    if (authenticatesConnection(request.headers)) pools.bind(connection, request.clientConnection)
    this.#exchange = new Exchange(connection, pools, this, this.#toSend(), {
      reused,
      closeFor: this.#closeFor(connection),
      retryable: retryable && !this.#retried,
      watch: reused ? this.#watchOf(connection, retryable) : undefined
    })
    this.#exchange.begin()
  }

  /** The request as the exchange sends it: the same object, unless a timeout or a trace header is to be added. */
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

  /** How long to watch a connection for its end before the request is written, in ms; undefined for not at all. */
  #watchOf (connection: Connection, retryable: boolean): number | undefined {
    const idleMs = connection.acquiredAt - connection.idleSince
    if (!retryable) return Math.max(0, this.#target.belief.quietBefore(connection) - idleMs)
    // Bytes behind the last response belong to no request. They are read first, so that they are not taken for this request's response.
    return idleMs >= UNREAD_AFTER || connection.mayHoldMore ? 0 : undefined
  }

  #closeFor (connection: Connection): CloseReason | undefined {
    if (this.#request.askClose) return 'connection_close'
    const { persistence, kept } = this.#endpoint!
    if (persistence === 'persistent') return undefined
    if (persistence === 'trial' && (connection.trial || (this.#tests && kept.claimTrial(connection)))) return undefined
    return 'non_persistent'
  }

  // The pool reports the waiting time with a connection; a request that leaves the queue without one asks for it.
  #stopWaiting (): void {
    if (this.#ticket !== undefined) this.#record.waited(this.#target.pools.waited(this.#ticket))
  }

  #fail (error: HoldfastError, responseStarted = false): void {
    if (this.#over) return
    this.#over = true
    this.#placement?.leave()
    this.#trace?.failed(error.code)
    this.#target.observers.rejected(this.#target.name, error.code, this.provenance(error.code))
    this.#handler.failed(error, responseStarted)
  }
}

function isWhole (request: CallRequest): request is CallRequest & ExchangeRequest {
  return request.headersTimeout !== undefined && request.bodyTimeout !== undefined
}
