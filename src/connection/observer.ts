import type { ErrorCode } from '../errors.js'
import type { PersistenceSignal } from '../http/connection-signal.js'
import type { EjectionCause, EndpointState } from '../endpoint/endpoint-state.js'
import type { CloseReason } from './close-reason.js'

export type { CloseReason } from './close-reason.js'

/** Whether a backend keeps connections open, as the gateway believes; `trial`: a connection is testing it. */
export type Persistence = 'persistent' | 'non-persistent' | 'trial'

/**
 * Why a request was sent again. `connect`: a failed dial was tried again, at the same endpoint or at another one, before there was a
 * connection. `fresh`: it was lost on a fresh connection without a byte of a response, and was sent once to another endpoint.
 */
export type RetryReason = 'unwritten' | 'stale' | 'unused_timeout' | 'fresh' | 'connect'

/** A connection, as observers see it. It is the same object for the whole life of the connection. */
export interface ConnectionView {
  /** The target's name. */
  readonly target: string
  /** Unique in the app. */
  readonly id: number
  /** Id of the endpoint that it leads to. */
  readonly endpoint?: string
  /** Number of responses it has carried. */
  readonly served: number
  /** Time since it was opened, in ms. */
  readonly age: number
  /** Whether it tests if the backend keeps connections open. */
  readonly trial: boolean
  /** Method of the present request, or of the last one; undefined before the first. */
  readonly method?: string | undefined
  /** The backend's `address:port`; undefined where it has none, as with a unix socket. */
  readonly address?: string | undefined
}

/** The end of an exchange, as observers see it. */
export interface ResponseView {
  /** What the response said about the life of its connection. */
  readonly signal: PersistenceSignal
  /** The status code. */
  readonly status: number
  /** Whether the exchange was to keep its connection, or to close it. */
  readonly asked: 'keep-alive' | 'close'
  /**
   * Whether the system had taken the whole request when the response ended. Over TLS, bytes below the socket's high-water mark count as
   * taken.
   */
  readonly requestSent: boolean
  /** Whether the client had left before the response ended. */
  readonly clientGone: boolean
  /** Whether the connection is a tunnel now, after a 101 or a 2xx to CONNECT. */
  readonly upgraded: boolean
  /** Whether the request had a body. */
  readonly withBody?: boolean | undefined
}

/** How a proxied request travelled: the result of `provenanceOf(reply)`, and `provenance` on the request's log line. Times in whole ms. */
export interface Provenance {
  /** The target's name. */
  readonly target: string
  /** Id of the connection that carried the request, the last one after a retry; undefined if it got no connection. */
  readonly connection: number | undefined
  /** Id of the endpoint that got the request last; absent where the target has one endpoint that never changes. */
  readonly endpoint?: string
  /** Whether that connection had lain in the pool. */
  readonly reused: boolean
  /** The request's number on its connection: 1 for the first; 0 if it got no connection. */
  readonly nth: number
  /** How long the connection had been idle before, in ms; 0 for a fresh connection. */
  readonly idleMs: number
  /** How long the request waited for connections, dials and all attempts included, in ms. */
  readonly waitMs: number
  /** How often the request was begun on a connection: 0 to 2. */
  readonly attempts: number
  /** Why the request was sent again, in order. */
  readonly retries: readonly RetryReason[]
  /** The backend's persistence, as believed when the request got its connection. */
  readonly persistence: Persistence
  /** Code of the failure that ended the request; absent if there was none. */
  readonly error?: ErrorCode
}

/** A change of an endpoint's state, as observers see it. */
export interface EndpointChange {
  /** Its id. */
  readonly endpoint: string
  /** Its `host:port`, or the path of its socket. */
  readonly address: string
  /** undefined for a new endpoint. */
  readonly from: EndpointState | undefined
  /** The state that it has now. */
  readonly to: EndpointState
  /** Why, for a person. */
  readonly cause: string
  /** What the ejection was concluded from; absent for every other change. */
  readonly ejectedBy?: EjectionCause
}

/**
 * Observes connections: `gateway.observe(observer)`. All methods are optional. They are called while the pool works, so they must be quick.
 * An observer that throws is logged once, and no method of it is called again.
 */
export interface ConnectionObserver {
  /**
   * A connection is open, TLS handshake included. No request has it yet.
   *
   * @param connectMs how long its dial took, in ms
   */
  opened?(connection: ConnectionView, connectMs: number): void
  /**
   * A dial has failed. Its request may still be served: by another dial, or by another connection.
   *
   * @param target the target's name
   * @param code of the cause, as `ECONNREFUSED`, `ENOTFOUND` or a code of TLS; a code of Holdfast where the cause has none
   * @param ms how long the dial took, in ms
   * @param endpoint id of the endpoint that was dialled
   */
  dialFailed?(target: string, code: string, ms: number, endpoint: string): void
  /**
   * A request, or its second attempt, has been given a connection. Nothing is written yet.
   *
   * @param idleMs how long the connection was idle, in ms; 0 for a fresh one
   * @param waitMs how long this attempt waited for it, in ms; 0 where it was there at once
   */
  acquired?(connection: ConnectionView, idleMs: number, waitMs: number): void
  /** The response of an exchange has ended. The connection is not yet released or closed. */
  responded?(connection: ConnectionView, response: ResponseView): void
  /** A connection is idle in the pool again. */
  released?(connection: ConnectionView): void
  /**
   * A connection is closed.
   *
   * @param idleMs how long it was idle then, in ms; undefined where a request was on it. A connection that the backend closed before its
   *   next request was written counts as idle
   */
  closed?(connection: ConnectionView, reason: CloseReason, idleMs: number | undefined): void
  /**
   * A request ended without a response, or with an incomplete one.
   *
   * @param target the target's name; `dynamic` for a request that chose one target too many (HOLDFAST_ERR_TOO_MANY_TARGETS)
   * @param code of the error that it failed with
   * @param provenance how it had travelled by then
   */
  rejected?(target: string, code: ErrorCode, provenance: Provenance): void
  /**
   * A request is sent again, or its refused dial is tried again.
   *
   * @param target the target's name
   */
  retried?(target: string, kind: RetryReason): void
  /**
   * What is believed of a backend has changed.
   *
   * @param target the target's name
   * @param cause what it was concluded from, as a log line says it
   * @param endpoint id of the endpoint of which it is believed
   */
  persistenceChanged?(target: string, from: Persistence, to: Persistence, cause: string, endpoint: string): void
  /**
   * An endpoint is new, or its state has changed.
   *
   * @param target the target's name
   */
  endpointChanged?(target: string, change: EndpointChange): void
  /**
   * The dials of an endpoint have begun to be refused, or one has succeeded again. Its state need not change. Not told of an endpoint that is
   * alone.
   *
   * @param target the target's name
   * @param endpoint its id
   * @param address its `host:port`, or the path of its socket
   * @param refusing whether they are refused now
   */
  endpointRefusing?(target: string, endpoint: string, address: string, refusing: boolean): void
  /**
   * A leaving endpoint has no request and no tunnel any more.
   *
   * @param target the target's name
   * @param endpoint its id
   * @param address its `host:port`, or the path of its socket
   */
  endpointDrained?(target: string, endpoint: string, address: string): void
}

/** An app's observers. Each event goes to all of them, synchronously; what they return is ignored. */
export class Observers implements Required<ConnectionObserver> {
  #list: readonly ConnectionObserver[] = []
  readonly #onThrow: (error: unknown) => void

  /** @param onThrow gets what an observer threw. The observer has been removed, so this happens once for each */
  constructor (onThrow: (error: unknown) => void) {
    this.#onThrow = onThrow
  }

  /** Adds an observer. Returns a function that removes it. */
  add (observer: ConnectionObserver): () => void {
    // A new array each time, since an observer may add or remove observers during an event.
    this.#list = [...this.#list, observer]
    return () => this.#remove(observer)
  }

  #remove (observer: ConnectionObserver): void {
    this.#list = this.#list.filter(other => other !== observer)
  }

  #dismiss (observer: ConnectionObserver, error: unknown): void {
    this.#remove(observer)
    this.#onThrow(error)
  }

  opened (connection: ConnectionView, connectMs: number): void {
    for (const o of this.#list) try { o.opened?.(connection, connectMs) } catch (error) { this.#dismiss(o, error) }
  }

  dialFailed (target: string, code: string, ms: number, endpoint: string): void {
    for (const o of this.#list) try { o.dialFailed?.(target, code, ms, endpoint) } catch (error) { this.#dismiss(o, error) }
  }

  acquired (connection: ConnectionView, idleMs: number, waitMs: number): void {
    for (const o of this.#list) try { o.acquired?.(connection, idleMs, waitMs) } catch (error) { this.#dismiss(o, error) }
  }

  responded (connection: ConnectionView, response: ResponseView): void {
    for (const o of this.#list) try { o.responded?.(connection, response) } catch (error) { this.#dismiss(o, error) }
  }

  released (connection: ConnectionView): void {
    for (const o of this.#list) try { o.released?.(connection) } catch (error) { this.#dismiss(o, error) }
  }

  closed (connection: ConnectionView, reason: CloseReason, idleMs: number | undefined): void {
    for (const o of this.#list) try { o.closed?.(connection, reason, idleMs) } catch (error) { this.#dismiss(o, error) }
  }

  rejected (target: string, code: ErrorCode, provenance: Provenance): void {
    for (const o of this.#list) try { o.rejected?.(target, code, provenance) } catch (error) { this.#dismiss(o, error) }
  }

  retried (target: string, kind: RetryReason): void {
    for (const o of this.#list) try { o.retried?.(target, kind) } catch (error) { this.#dismiss(o, error) }
  }

  persistenceChanged (target: string, from: Persistence, to: Persistence, cause: string, endpoint: string): void {
    for (const o of this.#list) try { o.persistenceChanged?.(target, from, to, cause, endpoint) } catch (error) { this.#dismiss(o, error) }
  }

  endpointChanged (target: string, change: EndpointChange): void {
    for (const o of this.#list) try { o.endpointChanged?.(target, change) } catch (error) { this.#dismiss(o, error) }
  }

  endpointRefusing (target: string, endpoint: string, address: string, refusing: boolean): void {
    for (const o of this.#list) try { o.endpointRefusing?.(target, endpoint, address, refusing) } catch (error) { this.#dismiss(o, error) }
  }

  endpointDrained (target: string, endpoint: string, address: string): void {
    for (const o of this.#list) try { o.endpointDrained?.(target, endpoint, address) } catch (error) { this.#dismiss(o, error) }
  }
}
