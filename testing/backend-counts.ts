/** What a measured backend has seen. */
export interface BackendCounts {
  /** Connections it accepted. */
  accepted: number
  /** Connections that it closed before the other side did. */
  closes: number
  /** Requests that asked to keep the connection. */
  askedToKeep: number
}
