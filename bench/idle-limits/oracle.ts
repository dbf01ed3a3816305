/** One request of a run. */
export interface OracleRequest {
  /** When the client sent it, which is about when the pool got it. */
  readonly sent: number
  /** When its answer left the backend; Infinity if there was none. */
  readonly answered: number
}

/**
 * The best that a pool could do with a run's traffic if it knew when the backend closes: which requests could have reused a connection. It
 * takes the most recently used connection, if the request arrives before the close.
 *
 * @param requests in any order
 * @param idleTimeout the backend's, from when its answer left until the next request arrives
 * @param delay one way, between pool and backend
 */
export function reusable<Request extends OracleRequest> (requests: readonly Request[], idleTimeout: number, delay: number): Set<Request> {
  const found = new Set<Request>()
  const inOrder = [...requests].sort((a, b) => a.sent - b.sent)
  /** When the last answer of each idle connection, and of each busy one, left the backend; latest last. */
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
