import type { ErrorCode } from '../errors.js'
import type { PersistenceSignal } from '../http/connection-signal.js'
import type { CloseReason } from './close-reason.js'

export type { CloseReason } from './close-reason.js'

/** Whether a backend keeps connections open: what is believed now, or that it is being found out. */
export type Persistence = 'persistent' | 'non-persistent' | 'trial'

/** Why a request was sent again; `connect`: no connection was had yet, and a refused dial was tried again. See "Retry" in docs/internals.md. */
export type RetryReason = 'unwritten' | 'stale' | 'unused_timeout' | 'connect'

/** A connection as observers see it. The same object for all of a connection's life. */
export interface ConnectionView {
  /** The target's name. */
  readonly target: string
  /** Unique in the app. */
  readonly id: number
  /** Responses it has carried. */
  readonly served: number
  /** Since it was opened, in ms. */
  readonly age: number
  /** Whether it was dialled to find out if its backend keeps connections open. */
  readonly trial: boolean
  /** Of the request that is on it, or was last; undefined before the first. */
  readonly method?: string | undefined
  /** Of the backend, `address:port`; undefined where it has none, as over a unix socket. */
  readonly address?: string | undefined
}

/** How an exchange ended, as told to observers. */
export interface ResponseView {
  /** What the response said about the life of its connection. */
  readonly signal: PersistenceSignal
  /** The status code. */
  readonly status: number
  /** What the request said in `Connection`. */
  readonly asked: 'keep-alive' | 'close'
  /** Whether the request was written whole before the response ended. */
  readonly requestSent: boolean
  /** Whether the client had left before the response ended. */
  readonly clientGone: boolean
  /** Whether the connection is a tunnel now, after a 101 or a 2xx to CONNECT. */
  readonly upgraded: boolean
  /** Whether the request had a body. */
  readonly withBody?: boolean | undefined
}

/** How a proxied request travelled: `provenanceOf(reply)`, and `provenance` on its log line. Times in whole ms. */
export interface Provenance {
  /** The target's name. */
  readonly target: string
  /** The id of the connection that carried it, as observers know it; the last one of two, undefined where none was had. */
  readonly connection: number | undefined
  /** Whether that connection had lain in the pool. */
  readonly reused: boolean
  /** Which of its connection's requests it was: 1 for the first, 0 where no connection was had. */
  readonly nth: number
  /** How long the connection had been idle before, in ms; 0 for a fresh one. */
  readonly idleMs: number
  /** How long the request waited for a connection, dials included, in ms; the waits of all its attempts together. */
  readonly waitMs: number
  /** How often it was begun on a connection: 0 to 2. */
  readonly attempts: number
  /** Why it was sent again, in order. */
  readonly retries: readonly RetryReason[]
  /** What was believed of the backend when the request was given its connection. */
  readonly persistence: Persistence
  /** The code of the failure that it ended with; absent where there was none. */
  readonly error?: ErrorCode
}

/**
 * Is told what connections do: `gateway.observe(observer)`. All methods are optional. They are called while the pool works, so they have to
 * return soon. An observer that throws is logged once and never called again.
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
   */
  dialFailed?(target: string, code: string, ms: number): void
  /**
   * A request, or its second attempt, has been given a connection. Nothing is written yet.
   *
   * @param idleMs how long the connection was idle, in ms; 0 for a fresh one
   * @param waitMs how long this attempt waited for it, in ms; 0 where it was there at once
   */
  acquired?(connection: ConnectionView, idleMs: number, waitMs: number): void
  /** An exchange's response has ended. The connection is not yet released or closed. */
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
   * A request ended without a response, or with a part of one.
   *
   * @param target the target's name
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
   */
  persistenceChanged?(target: string, from: Persistence, to: Persistence, cause: string): void
}

/** An app's observers. Tells each of them everything. */
export class Observers implements Required<ConnectionObserver> {
  #list: readonly ConnectionObserver[] = []
  readonly #onThrow: (error: unknown) => void

  /** @param onThrow is called with what an observer threw, once: it is removed then */
  constructor (onThrow: (error: unknown) => void) {
    this.#onThrow = onThrow
  }

  /** Starts telling an observer; returns what stops it. */
  add (observer: ConnectionObserver): () => void {
    // A new array each time: one that is being told may come or go meanwhile.
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

  dialFailed (target: string, code: string, ms: number): void {
    for (const o of this.#list) try { o.dialFailed?.(target, code, ms) } catch (error) { this.#dismiss(o, error) }
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

  persistenceChanged (target: string, from: Persistence, to: Persistence, cause: string): void {
    for (const o of this.#list) try { o.persistenceChanged?.(target, from, to, cause) } catch (error) { this.#dismiss(o, error) }
  }
}
