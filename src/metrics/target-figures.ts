import { Counts } from './counts.js'
import { Histogram } from './histogram.js'
import { RequestDurations } from './request-durations.js'
import { CONNECTION_BUCKETS, CONNECT_BUCKETS, WAIT_BUCKETS } from './table.js'

/** The counts of one target, or of all dynamic ones together. */
export class TargetFigures {
  readonly connectionDurations = new Histogram(CONNECTION_BUCKETS)
  readonly connectDurations = new Histogram(CONNECT_BUCKETS)
  readonly requestDurations = new RequestDurations(true)
  readonly queueWaits = new Histogram(WAIT_BUCKETS)
  readonly closes = new Counts('reason')
  readonly dialFailures = new Counts('error_type')
  readonly retries = new Counts('kind')
  readonly rejected = new Counts('code')
  opened = 0
  activeRequests = 0
  handshakesSaved = 0
  connectMsSaved = 0
}
