import type { RetryReason } from '../connection/observer.js'
import type { Failure } from '../connection/exchange.js'

/** The evidence for or against a retry: how the attempt failed, and what is known of its request. */
export interface Evidence extends Omit<Failure, 'error'> {
  readonly clientGone: boolean
  /** Twice has the effect of once: the method is idempotent (RFC 9110 section 9.2.2), or the client sent an Idempotency-Key. */
  readonly idempotent: boolean
  /** The request has no body, or all that was sent of it is still held. */
  readonly replayable: boolean
  /** The request has had its one retry. */
  readonly retried: boolean
}

/** Why a request is sent again: it was never written; its connection was stale; or the backend timed out an unused connection. */
export type RetryKind = Exclude<RetryReason, 'connect'>

/**
 * Why to send a request again on a fresh connection; undefined to give up. The first condition that holds decides. There is at most one
 * retry, because a fresh connection cannot be stale. Compare shouldRetryRequest in Go's net/http/transport.go.
 */
export function decideRetry (evidence: Evidence): RetryKind | undefined {
  if (evidence.clientGone || evidence.retried) return undefined
  // A failure on a fresh connection is not caused by reuse.
  if (!evidence.reused) return undefined
  if (evidence.unusedTimeout) return evidence.idempotent && evidence.replayable ? 'unused_timeout' : undefined
  // A timeout, an abort or a response that is not HTTP would repeat itself.
  if (!evidence.lost) return undefined
  if (!evidence.writeBegun) return 'unwritten'
  // Any byte of a response means that the backend has received the request.
  if (evidence.responseStarted) return undefined
  // No byte of a response does not prove that the request was not carried out: the backend may have stopped while it worked.
  return evidence.idempotent && evidence.replayable ? 'stale' : undefined
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'SEARCH', 'QUERY', 'REPORT'])

/** RFC 9110 section 9.2.2, and the registered safe methods. */
export function isIdempotent (method: string): boolean {
  return IDEMPOTENT.has(method)
}
