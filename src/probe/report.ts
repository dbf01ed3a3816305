import { liesOf } from './lies.js'
import type { CloseWay, Measurements, Reuse } from './measurements.js'
import { closeWayOf, isRefusal, mostFrequent, persistenceOf, smallestClose, viaStopsCompression } from './measurements.js'
import { recommend } from './recommendation.js'
import type { Recommendation } from './recommendation.js'

/** What a probe found out about a backend: the shape that `holdfast probe --json` prints. Times in ms; null is unknown or not measured. */
export interface ProbeReport {
  readonly url: string
  readonly httpVersion: '1.0' | '1.1' | null
  /** Whether it keeps connections open; null also where it was seen to close only after errors that it answered. */
  readonly persistent: boolean | null
  /** The smallest idle time after which it closed a connection; null where none was closed within `maxWait`, and where it keeps none. */
  readonly idleTimeoutMs: number | null
  /** How it ends a connection: by a FIN, by an RST, or as it has announced. */
  readonly closesBy: 'fin' | 'rst' | 'announced' | null
  /** Requests after which it ends a connection; null where no limit was found. 1 where it keeps none. */
  readonly requestsPerConnection: number | null
  /** What `Keep-Alive` in its first response claims. */
  readonly hint: { readonly timeoutMs: number | null, readonly max: number | null }
  /** Whether a connection serves another request after a HEAD, as the server alone decides. */
  readonly headReuses: boolean | null
  /** The same after a POST; null where no POST was sent, and where it was refused (status 400 and above). */
  readonly postReuses: boolean | null
  /** Whether it compresses the page, and does not for a request with `Via`; null where it does not compress it at all. */
  readonly viaStopsCompression: boolean | null
  /** Time until the TCP connection is open, name lookup included. */
  readonly connectMs: number | null
  /** Time of a full TLS handshake, after that. */
  readonly tlsMs: number | null
  /** Whether a second handshake resumes the first one's session. */
  readonly tlsResumes: boolean | null
  /** Where it does not do what it says: a sentence each, which begins with one of the phrases of `LIES`. */
  readonly lies: readonly string[]
  /** What to set for this backend beyond the defaults; empty groups where they fit. */
  readonly recommended: Recommendation
}

/** Makes the report of what was measured. */
export function reportOf (found: Measurements): ProbeReport {
  const answer = found.firsts[0]?.answer
  const persistent = persistenceOf(found.firsts) ?? null
  return {
    url: found.url.href,
    httpVersion: answer === undefined ? null : `1.${answer.minor}`,
    persistent,
    idleTimeoutMs: rounded(found.idle && smallestClose(found.idle), 1),
    closesBy: persistent === true
      ? signOf(mostFrequent(found.idle?.closes.map(({ by }) => by) ?? []))
      : signOf(persistent === null ? undefined : closeWayOf(found.firsts)),
    requestsPerConnection: persistent === false ? 1 : found.requests?.limit ?? null,
    hint: { timeoutMs: answer?.signal?.timeout ?? null, max: answer?.signal?.max ?? null },
    headReuses: reusedAfter(found.head),
    postReuses: found.post !== undefined && isRefusal(found.post.answer) ? null : reusedAfter(found.post),
    viaStopsCompression: viaStopsCompression(found) ?? null,
    connectMs: rounded(found.tls?.connectMs ?? (found.url.protocol === 'https:' ? undefined : median(found.dials)), 0.1),
    tlsMs: rounded(found.tls?.fullMs, 0.1),
    tlsResumes: found.tls?.resumes ?? null,
    lies: liesOf(found),
    recommended: recommend(found)
  }
}

// An unsolicited 408 announces the end of the connection, if late.
function signOf (way: CloseWay | undefined): ProbeReport['closesBy'] {
  if (way === 'data') return 'announced'
  return way === 'fin' || way === 'rst' || way === 'announced' ? way : null
}

function reusedAfter (reuse: Reuse | undefined): boolean | null {
  return reuse === undefined ? null : reuse.closed === undefined
}

function median (values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

function rounded (value: number | undefined, step: number): number | null {
  return value === undefined ? null : Number((Math.round(value / step) * step).toFixed(1))
}
