import { HoldfastError } from '../errors.js'
import type { Reuse } from './measurements.js'
import type { RawConnection, RawHead } from './raw-connection.js'
import { watchOf } from './reuse.js'
import type { Subject } from './subject.js'

/**
 * Sends a HEAD on a connection of its own, waits a moment, and sends a GET behind it. No HTTP client is on the connection, since a client
 * may give it up by itself: only the server is judged. Rejects with a HoldfastError if there is no connection or no answer to the HEAD.
 */
export async function judgeHead (subject: Subject): Promise<Reuse> {
  const connection = await subject.openRaw()
  try {
    connection.write(subject.requestHead('HEAD'))
    const head = await connection.head(subject.answerTimeout)
    const endedAt = performance.now()
    const closed = await closedAfter(head, connection, subject)
    // The end of the probe has ended the connection, and not the server.
    if (subject.over) throw new HoldfastError('HOLDFAST_ERR_DRAINING')
    const { status, minor, signal, connection: says, keepAlive } = head
    return {
      method: 'HEAD',
      answer: {
        failure: undefined,
        status,
        minor,
        signal,
        connection: says,
        keepAlive,
        coding: undefined,
        framed: true,
        size: 0,
        announcesClose: !signal.persistent,
        reusable: closed === undefined,
        endedAt
      },
      closed
    }
  } finally {
    connection.destroy()
  }
}

async function closedAfter ({ signal }: RawHead, connection: RawConnection, subject: Subject): Promise<Reuse['closed']> {
  if (!signal.persistent) return 'announced'
  // A body behind the answer may come later than the head. A client would read it as the next response.
  await connection.until(() => connection.unread > 0, watchOf(subject))
  if (connection.unread > 0) return 'data'
  if (connection.ending !== undefined) return connection.ending.by
  connection.write(subject.requestHead('GET'))
  try {
    await connection.head(subject.answerTimeout)
    return undefined
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    if (error.code === 'HOLDFAST_ERR_CONNECTION_LOST') return (await connection.closed).by
    return error.code === 'HOLDFAST_ERR_HEADERS_TIMEOUT' ? 'unanswered' : 'data'
  }
}
