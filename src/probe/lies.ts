import { hasToken } from '../http/connection-signal.js'
import { formatHint, formatMeasured, formatSet } from './duration.js'
import type { CloseWay, Measurements, Reuse } from './measurements.js'
import { closeWayOf, persistenceOf, smallestClose, unannouncedLimit } from './measurements.js'

/** The phrases that sentences about lies begin with. Programs may match them. A colon follows, and figures for a person. */
export const LIES = {
  keepAliveAndCloses: 'Says keep-alive and closes',
  nothingAndCloses: 'Says nothing and closes',
  unanswered: 'Keeps connections and answers no second request',
  idleShorter: 'Closes idle connections earlier than it says',
  idleLonger: 'Keeps idle connections longer than it says',
  requestsFewer: 'Serves fewer requests on a connection than it says',
  requestsMore: 'Serves more requests on a connection than it says',
  requestsUnannounced: 'Closes after a number of requests without saying so',
  head: 'Closes after a HEAD without saying so',
  headBody: 'Sends a body behind its answer to a HEAD',
  post: 'Closes after a POST without saying so'
} as const

// In ms. A smaller difference is no lie: two clocks are compared, and servers round to seconds. Apache closes 4 ms before the 5 s it says.
const TOLERANCE = 300

/** Where the backend does not do what it says. */
export function liesOf (found: Measurements): string[] {
  const [first] = found.firsts
  if (first === undefined) return []
  if (persistenceOf(found.firsts) === false) return closeLie(first, closeWayOf(found.firsts))
  return [...idleLies(found, first), ...requestLies(found, first), ...headLie(found.head), ...methodLie(LIES.post, found.post)]
}

function closeLie ({ answer }: Reuse, way: CloseWay | undefined): string[] {
  if (way === 'unanswered') return [`${LIES.unanswered}: the next request on a connection waits in vain.`]
  if (way === undefined || way === 'announced' || way === 'own') return []
  // A timeout of less than a second may be no time at all.
  if (answer.signal?.timeout === 0) return []
  const how = `by ${nameOf(way)} after the first response`
  const said = [
    answer.connection !== undefined && hasToken(answer.connection, 'keep-alive') && `Connection: ${answer.connection}`,
    answer.keepAlive !== undefined && `Keep-Alive: ${answer.keepAlive}`
  ].filter(Boolean)
  if (said.length > 0) return [`${LIES.keepAliveAndCloses}: ${said.join(' and ')}, and the connection is closed ${how}.`]
  const silence = answer.framed ? '' : '; the response has no length, so the close is its end'
  return [`${LIES.nothingAndCloses}: in HTTP/1.1 that promises to keep the connection, and it is closed ${how}${silence}.`]
}

function idleLies ({ idle, maxWait, complete }: Measurements, { answer }: Reuse): string[] {
  const hint = answer.signal?.timeout
  if (idle === undefined || hint === undefined) return []
  // The header has whole seconds: 0 stands for less than 1 s.
  const said = hint === 0 ? 1_000 : hint
  const words = formatHint(hint)
  const kept = smallestClose(idle)
  if (kept === undefined) {
    if (!complete || idle.survivedMs <= said + TOLERANCE) return []
    return [`${LIES.idleLonger}: ${words} by its Keep-Alive header, and no connection was closed within ${formatSet(maxWait)}.`]
  }
  if (hint !== 0 && kept < said - TOLERANCE) return [`${LIES.idleShorter}: ${words} by its Keep-Alive header, and closed after ${formatMeasured(kept)}.`]
  if (kept > said + TOLERANCE) return [`${LIES.idleLonger}: ${words} by its Keep-Alive header, and closed after ${formatMeasured(kept)}.`]
  return []
}

function requestLies (found: Measurements, { answer }: Reuse): string[] {
  if (found.requests === undefined) return []
  const { limit, tried } = found.requests
  const max = answer.signal?.max
  const lies: string[] = []
  // The first response says how many may follow it.
  const allowed = max === undefined ? undefined : max + 1
  const said = `max=${max} in the first response`
  if (allowed !== undefined && limit !== undefined && limit < allowed) {
    lies.push(`${LIES.requestsFewer}: ${said} allows ${allowed} in all, and it ends a connection with the ${ordinal(limit)}.`)
  } else if (allowed !== undefined && (limit ?? tried) > allowed) {
    lies.push(`${LIES.requestsMore}: ${said} allows ${allowed} in all, and it has answered ${limit ?? `${tried} without an end`}.`)
  }
  const silent = unannouncedLimit(found)
  if (silent !== undefined) lies.push(`${LIES.requestsUnannounced}: a connection is closed after ${silent}, and the last response does not say close.`)
  return lies
}

function headLie (reuse: Reuse | undefined): string[] {
  if (reuse?.closed !== 'data') return methodLie(LIES.head, reuse)
  return [`${LIES.headBody}: on a connection that is kept it would be read as the next response (RFC 9110 section 9.3.2).`]
}

function methodLie (phrase: string, reuse: Reuse | undefined): string[] {
  const way = reuse?.closed
  if (way !== 'fin' && way !== 'rst' && way !== 'data') return []
  return [`${phrase}: the connection ends by ${nameOf(way)} then, and not after a GET.`]
}

function nameOf (way: 'fin' | 'rst' | 'data'): string {
  return way === 'data' ? 'unsolicited bytes' : way.toUpperCase()
}

function ordinal (n: number): string {
  const ending = n % 100 >= 11 && n % 100 <= 13 ? 'th' : ['th', 'st', 'nd', 'rd'][n % 10] ?? 'th'
  return `${n}${ending}`
}
