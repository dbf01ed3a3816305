import type { Failure } from '../connection/exchange.js'

/** What a retry is decided on: how the attempt failed, and what is known of its request. */
export interface Evidence extends Omit<Failure, 'error'> {
  readonly clientGone: boolean
  /** RFC 9110 section 9.2.2, or the client sent an Idempotency-Key: carrying it out twice is carrying it out once. */
  readonly idempotent: boolean
  /** The whole body is at hand, or there is none. */
  readonly replayable: boolean
  /** The request has had its one retry. */
  readonly retried: boolean
}

/** Why a request is sent again: it was never written; its connection was stale; or the backend had timed out unused. */
export type RetryKind = 'unwritten' | 'stale' | 'unused_timeout'

/**
 * Whether to send a request again on a fresh connection; undefined to give up. A ladder: the first rung that holds decides.
 * A fresh connection has no reason to be stale, so one retry is all there ever is. Compare shouldRetryRequest in Go's
 * net/http/transport.go.
 */
export function decideRetry (evidence: Evidence): RetryKind | undefined {
  if (evidence.clientGone || evidence.retried) return undefined
  // What fails on a fresh connection is no accident of reuse.
  if (!evidence.reused) return undefined
  if (evidence.unusedTimeout) return evidence.idempotent && evidence.replayable ? 'unused_timeout' : undefined
  // A timeout, an abort or an answer that is not HTTP would come again.
  if (!evidence.lost) return undefined
  if (!evidence.written) return 'unwritten'
  // Anything of an answer means that the backend had the request.
  if (evidence.responseStarted) return undefined
  // Zero bytes do not prove that it was not carried out: a backend that is stopped looks the same.
  return evidence.idempotent && evidence.replayable ? 'stale' : undefined
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'SEARCH', 'QUERY', 'REPORT'])

/** RFC 9110 section 9.2.2, and the registered safe methods. */
export function isIdempotent (method: string): boolean {
  return IDEMPOTENT.has(method)
}
