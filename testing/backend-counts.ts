/** What a backend that is measured has seen. */
export interface BackendCounts {
  /** Connections it accepted. */
  accepted: number
  /** Connections it chose to close before the other side did. */
  closes: number
  /** Requests that came with the wish to keep the connection. */
  askedToKeep: number
}
