import type { Failure } from '../connection/exchange.js'
import type { RetryReason } from '../connection/observer.js'

/** The evidence for or against a retry: how the attempt failed, what is known of its request, and what of the other endpoints. */
export interface ElsewhereEvidence extends Omit<Failure, 'error'> {
  readonly clientGone: boolean
  /** Twice has the effect of once: the method is idempotent (RFC 9110 section 9.2.2), or the client sent an Idempotency-Key. */
  readonly idempotent: boolean
  /** The request has no body, or all that was sent of it is still held. */
  readonly replayable: boolean
  /** The request has had its one retry. */
  readonly retried: boolean
  /** Another endpoint may take the request now: it serves, and it has not been tried. */
  readonly another: boolean
  /** The request belongs to its endpoint by affinity. */
  readonly bound: boolean
  /** The retry budget (retry-budget.ts) has room for a request that was written. */
  readonly affordable: boolean
}

/**
 * Why a request is sent again: it was never written; its connection was stale; the backend timed out an unused connection; or a fresh
 * connection was lost without a byte of a response.
 */
export type ElsewhereKind = Exclude<RetryReason, 'connect'>

export interface ElsewhereDecision {
  readonly kind: ElsewhereKind
  /** `elsewhere`: a connection of another endpoint that is fresh. `here`: a fresh one of the same endpoint. */
  readonly place: 'elsewhere' | 'here'
  /** Whether it counts against the retry budget. A retry of what was never written costs a backend nothing (gRPC A6). */
  readonly budgeted: boolean
}

/**
 * Whether and where to send a request again; undefined to give up. The first condition that holds decides. Where there is another
 * endpoint, the ladder has one row more: a fresh connection was lost. On the same endpoint the next one would be lost too. Another endpoint
 * answers, and by that shows whose fault it was (evidence.ts). There is at most one retry, and never one after a status. Compare
 * shouldRetryRequest in Go's net/http/transport.go.
 */
export function decideElsewhere (evidence: ElsewhereEvidence): ElsewhereDecision | undefined {
  if (evidence.clientGone || evidence.retried) return undefined
  // A stale connection is no fault of its endpoint, so a bound request stays.
  const place = evidence.another && !(evidence.bound && evidence.reused) ? 'elsewhere' : 'here'
  const safe = evidence.idempotent && evidence.replayable
  if (evidence.reused && evidence.unusedTimeout) return safe ? { kind: 'unused_timeout', place, budgeted: false } : undefined
  // A timeout, an abort or a response that is not HTTP would repeat itself. Any byte of a response means that the request was received.
  if (!evidence.lost) return undefined
  // A fresh connection cannot be stale, so a second one of the same endpoint promises no more than the first.
  if (!evidence.reused && !evidence.another) return undefined
  if (!evidence.writeBegun) return { kind: 'unwritten', place, budgeted: false }
  if (evidence.responseStarted || !safe || !evidence.affordable) return undefined
  return { kind: evidence.reused ? 'stale' : 'fresh', place, budgeted: true }
}

/** A dial that failed, and what is known of its request. Nothing was sent. Times in ms. */
export interface FailedDial {
  /** Endpoints that the request has tried in vain, this one among them. */
  readonly tried: number
  readonly another: boolean
  /** Whether the dial was refused (`wasRefused` of connection/dial.ts). */
  readonly refused: boolean
  /** Since when the request has dialled. */
  readonly since: number
}

/** How many endpoints a request dials at most before it pauses or fails. */
export const MOST_DIALLED = 3

/**
 * What a request does after a failed dial, whatever its method: nothing was sent, and it is no retry. `elsewhere`: it asks another endpoint
 * at once. `later`: after the pause of connection/redial.ts it chooses again among all endpoints, as if it had tried none. If all of them
 * refuse, refusal.ts decides.
 *
 * @param connectRetry how long it may dial, in ms: the option `pool.connectRetry`
 */
export function afterFailedDial (dial: FailedDial, now: number, connectRetry: number): 'elsewhere' | 'later' | 'give-up' {
  const { tried, another, refused, since } = dial
  // A dial that was not refused may have taken longer than connectRetry: the timeout of a dial is 3 s. One other endpoint is asked then.
  if (another && tried < MOST_DIALLED && (now - since < connectRetry || tried === 1)) return 'elsewhere'
  return refused && now - since < connectRetry ? 'later' : 'give-up'
}
