import { HoldfastError } from '../errors.js'
import type { Answer, ProbedConnection } from './probed-connection.js'
import type { Reuse } from './measurements.js'
import type { Subject } from './subject.js'

// How long a connection must stay open after an answer to count as kept, in ms: 4 x connect time, within bounds. The connection inspector
// has the same rule, but no upper bound; here a wait of seconds would measure an idle timeout.
const SHORTEST_WATCH = 100
const CONNECT_TIMES = 4
const LONGEST_WATCH = 1_000

/**
 * Sends one request on a connection of its own, waits a moment, and sends a GET behind it. The connection was kept if the GET is served.
 * Rejects with a HoldfastError if there is no connection or no answer to the first.
 */
export async function judgeReuse (subject: Subject, method: 'GET' | 'POST', path?: string): Promise<Reuse> {
  const connection = await subject.open()
  try {
    const answer = await connection.ask(method, path)
    if (answer.failure !== undefined) throw answer.failure.error
    const closed = await closedAfter(answer, connection, subject)
    // The end of the probe has ended the connection, and not the backend.
    if (subject.over) throw new HoldfastError('HOLDFAST_ERR_DRAINING')
    return { method, answer, closed }
  } finally {
    connection.destroy()
  }
}

/** How long a connection must stay open after an answer to count as kept, in ms. */
export function watchOf ({ dials }: Subject): number {
  // The shortest dial so far, since the first dial of a process takes longer than the network needs.
  return Math.min(LONGEST_WATCH, Math.max(SHORTEST_WATCH, CONNECT_TIMES * Math.min(...dials)))
}

async function closedAfter (answer: Answer, connection: ProbedConnection, subject: Subject): Promise<Reuse['closed']> {
  if (answer.announcesClose) return 'announced'
  if (!answer.reusable) return (await connection.closed).by
  const early = await Promise.race([connection.closed, subject.wait(watchOf(subject))])
  if (early !== undefined) return early.by
  const { failure } = await connection.ask()
  if (failure === undefined || failure.responseStarted) return undefined
  return failure.lost ? (await connection.closed).by : 'unanswered'
}
