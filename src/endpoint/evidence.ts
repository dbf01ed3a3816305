import type { Failure } from '../connection/exchange.js'

/**
 * How an endpoint failed. `refused`: nothing listens there. `dial`: any other failed dial. `lost`: a fresh connection ended without a byte.
 */
export type FailureCause = 'refused' | 'dial' | 'lost' | 'timeout' | 'status'

/** A failure that speaks against an endpoint. */
export interface EndpointFailure {
  readonly cause: FailureCause
  /** For a person: `ECONNREFUSED`, `headers timeout`, `503`. */
  readonly detail: string
  /**
   * Whether no client can have provoked it: it was a dial, or another endpoint has answered the same request. Otherwise the failures of one
   * client do not count while others are answered (ejection.ts).
   */
  readonly proven: boolean
  /** A key of the client whose request failed, for example its address; undefined where there is none. */
  readonly client: string | undefined
}

/** What is known of a request that failed on an endpoint. */
export interface FailedRequest {
  readonly client: string | undefined
  /** When its attempt began on its connection, in ms. */
  readonly began: number
  /** Whether all of it was given to the socket. A backend may reset the connection of an upload that it refuses. */
  readonly requestWritten: boolean
  /**
   * What another endpoint did with the same request. `unasked`: it was sent to no other endpoint. `failed`: it failed there too, so the
   * request may be the cause, or the network.
   */
  readonly elsewhere: 'unasked' | 'answered' | 'failed'
}

// Nothing listens: a refused dial, or a unix socket whose file is gone. A reset is not among them: one that interrupts a TLS handshake says
// nothing of the next dial.
const REFUSED = new Set(['ECONNREFUSED', 'ENOENT'])

// Faults of this process or of its machine. They would befall a dial to any endpoint.
const OWN_FAULTS = new Set([
  'EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'EADDRINUSE', 'ENOBUFS', 'ENOMEM', 'EPERM', 'ENETDOWN', 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION',
  'HOLDFAST_ERR_DRAINING', 'HOLDFAST_ERR_OPTION'
])

/**
 * What a failed dial says about its endpoint; undefined for nothing. No client can provoke it: a dial depends on no request.
 *
 * @param code as `dialFailureCode()` of connection/dial.ts gives it
 */
export function dialEvidence (code: string): EndpointFailure | undefined {
  if (OWN_FAULTS.has(code)) return undefined
  return { cause: REFUSED.has(code) ? 'refused' : 'dial', detail: code, proven: true, client: undefined }
}

/**
 * What a failed exchange says about its endpoint; undefined for nothing.
 *
 * A loss counts on a fresh connection only, without a byte of a response: a reused connection may have been stale, and a byte shows that
 * the endpoint works. If the request could be sent to another endpoint, ask after it has ended there: a request that is lost everywhere is
 * a poisoned one, and says nothing.
 *
 * A timeout counts only if the endpoint has answered nothing since the request began. A slow request does not make an endpoint a slow one,
 * and a slow upload ends in no timeout of headers, whose time begins with the last byte of the request.
 *
 * @param lastAnswer when the endpoint answered last, in ms (`Answers.last`)
 */
export function exchangeEvidence (failure: Failure, request: FailedRequest, lastAnswer: number): EndpointFailure | undefined {
  if (request.elsewhere === 'failed') return undefined
  const { client } = request
  const proven = request.elsewhere === 'answered'
  if (failure.error.code === 'HOLDFAST_ERR_HEADERS_TIMEOUT') {
    return lastAnswer >= request.began ? undefined : { cause: 'timeout', detail: 'headers timeout', proven, client }
  }
  if (!failure.lost || failure.reused || failure.responseStarted) return undefined
  // Where nothing was written, no request can be the cause.
  if (!failure.writeBegun) return { cause: 'lost', detail: 'connection lost', proven: true, client }
  return request.requestWritten || proven ? { cause: 'lost', detail: 'connection lost', proven, client } : undefined
}

/**
 * What a response says about its endpoint; undefined where it shows that the endpoint works. All do, a 500 too, unless the operator has
 * named the status in `ejection.statuses`.
 */
export function statusEvidence (status: number, statuses: readonly number[], client: string | undefined): EndpointFailure | undefined {
  return statuses.includes(status) ? { cause: 'status', detail: String(status), proven: false, client } : undefined
}
