import type { RequestCount } from './measurements.js'
import type { Subject } from './subject.js'

// Fewer requests are sent where answers are large.
const MOST_BYTES = 64 * 1_048_576

/** How the requests on one connection came to an end. */
interface Run { readonly served: number, readonly end: 'announced' | 'closed' | 'open' | 'refused' | 'failed' }

/**
 * Sends GETs on one connection, one after another, until the backend ends it, `most` are answered, or the time `until` has come. A restart
 * may have ended the connection, so a second connection has to end after as many. `count` is filled while the measurement runs.
 */
export async function countRequests (subject: Subject, count: RequestCount, { most, until, status }: { most: number, until: number, status: number }): Promise<void> {
  const first = await run(subject, count, { most, until, status })
  if (first.end === 'refused') count.doubt = `from request ${first.served + 1} on it answered with another error`
  if (first.end === 'failed') count.doubt = `request ${first.served + 1} got no answer that can be read`
  if (first.end !== 'announced' && first.end !== 'closed') return
  count.limit = first.served
  count.announced = first.end === 'announced'
  const second = await run(subject, { tried: 0 }, { most: first.served + 1, until, status })
  if (second.end === 'failed' || second.end === 'refused' || (second.end === 'open' && second.served <= first.served)) {
    count.doubt = 'seen on one connection only'
  } else if (second.served !== first.served || second.end !== first.end) {
    count.limit = undefined
    count.doubt = `one connection ended after ${first.served}, another ${second.end === 'open' ? 'served more' : `after ${second.served}`}`
  }
}

async function run (subject: Subject, count: { tried: number }, { most, until, status }: { most: number, until: number, status: number }): Promise<Run> {
  const connection = await subject.open().catch(() => undefined)
  if (connection === undefined) return { served: 0, end: 'failed' }
  let served = 0
  let bytes = 0
  try {
    while (served < most && bytes < MOST_BYTES && performance.now() < until) {
      const answer = await connection.ask()
      if (answer.failure !== undefined) {
        if (subject.over) break
        // An unannounced close is noticed between two requests, or during the next request.
        const { lost, responseStarted } = answer.failure
        return { served, end: lost && !responseStarted && served > 0 ? 'closed' : 'failed' }
      }
      // A rate limit, for example. It may end the connection, which says nothing of a limit of requests.
      if (answer.status >= 400 && answer.status !== status) return { served, end: 'refused' }
      served++
      bytes += answer.size
      count.tried = Math.max(count.tried, served)
      if (answer.announcesClose) return { served, end: 'announced' }
      if (!answer.reusable) return { served, end: subject.over ? 'open' : 'closed' }
    }
    return { served, end: 'open' }
  } finally {
    connection.destroy()
  }
}
