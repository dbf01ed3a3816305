import type { RetryReason } from '../connection/observer.js'
import type { EjectionCause } from '../endpoint/endpoint-state.js'
import type { ErrorCode } from '../errors.js'
import { Counts } from './counts.js'
import type { EndpointFigures } from './endpoint-figures.js'
import { Histogram } from './histogram.js'
import { RequestDurations } from './request-durations.js'
import { CONNECTION_BUCKETS, CONNECT_BUCKETS, WAIT_BUCKETS } from './table.js'

const RETRIES: readonly RetryReason[] = ['unwritten', 'stale', 'unused_timeout', 'fresh', 'connect']
const EJECTIONS: readonly EjectionCause[] = ['refused', 'dial', 'lost', 'timeout', 'status', 'check', 'retry_after', 'operator']
// The codes that alerts ask for, and others that say how a target or its pool is. Any other code begins at its first count.
const CODES: readonly ErrorCode[] = [
  'HOLDFAST_ERR_CONNECT', 'HOLDFAST_ERR_CONNECT_TIMEOUT', 'HOLDFAST_ERR_UNRESOLVABLE', 'HOLDFAST_ERR_TLS', 'HOLDFAST_ERR_CONNECTION_LOST',
  'HOLDFAST_ERR_INVALID_RESPONSE', 'HOLDFAST_ERR_HEADERS_TIMEOUT', 'HOLDFAST_ERR_BODY_TIMEOUT', 'HOLDFAST_ERR_QUEUE_FULL',
  'HOLDFAST_ERR_QUEUE_TIMEOUT', 'HOLDFAST_ERR_TOO_MANY_UPGRADES', 'HOLDFAST_ERR_TOO_MANY_TARGETS', 'HOLDFAST_ERR_DRAINING'
]

/** The counts of one target, or of all dynamic ones together. */
export class TargetFigures {
  readonly connectionDurations = new Histogram(CONNECTION_BUCKETS)
  readonly connectDurations = new Histogram(CONNECT_BUCKETS)
  readonly requestDurations = new RequestDurations(true)
  readonly queueWaits = new Histogram(WAIT_BUCKETS)
  readonly closes = new Counts('reason')
  // Errnos are an open set: each begins at its first count.
  readonly dialFailures = new Counts('error_type')
  readonly retries = new Counts('kind', RETRIES)
  readonly rejected = new Counts('code', CODES)
  readonly ejections = new Counts('cause', EJECTIONS)
  /** undefined for dynamic targets, which come and go. */
  readonly endpoints: EndpointFigures | undefined
  opened = 0
  activeRequests = 0
  handshakesSaved = 0
  connectMsSaved = 0

  constructor (endpoints?: EndpointFigures) {
    this.endpoints = endpoints
  }
}
