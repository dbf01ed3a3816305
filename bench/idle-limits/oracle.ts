/** One request of a run. */
export interface OracleRequest {
  /** By its client, and so about when the pool had it. */
  readonly sent: number
  /** When its answer left the backend; Infinity where there was none. */
  readonly answered: number
}

/**
 * The best that a pool could have made of a run's traffic if it had known when the backend closes: which requests could have
 * gone on a connection that was there. It takes the most recently used one, and one only for a request that arrives before
 * the close.
 *
 * @param requests in any order
 * @param idleTimeout the backend's, from when its answer has left until the next request has arrived
 * @param delay one way, between pool and backend
 */
export function reusable<Request extends OracleRequest> (requests: readonly Request[], idleTimeout: number, delay: number): Set<Request> {
  const found = new Set<Request>()
  const inOrder = [...requests].sort((a, b) => a.sent - b.sent)
  /** When the last answer of each connection left the backend, latest last: of those that are idle, and of the others. */
  let idle: number[] = []
  let active: number[] = []
  for (const request of inOrder) {
    idle.push(...active.filter((answered) => answered + delay <= request.sent).sort((a, b) => a - b))
    active = active.filter((answered) => answered + delay > request.sent)
    idle = idle.filter((answered) => request.sent + delay < answered + idleTimeout)
    if (idle.pop() !== undefined) found.add(request)
    active.push(request.answered)
  }
  return found
}
