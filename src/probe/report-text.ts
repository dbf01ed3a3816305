import { formatHint, formatMeasured, formatSet } from './duration.js'
import type { CloseWay, Measurements, Reuse } from './measurements.js'
import { persistenceOf } from './measurements.js'
import { MARGIN_RULE } from './recommendation.js'
import type { Recommendation } from './recommendation.js'
import type { ProbeReport } from './report.js'

type Row = readonly [what: string, says: string, does: string]

const WAYS: Record<CloseWay, string> = {
  fin: 'by FIN', rst: 'by RST', announced: 'announced', data: 'after unsolicited bytes', own: 'by the HTTP client', unanswered: 'the next request gets no answer'
}
const NOTHING = '-'

/** The report for a terminal: what the backend says beside what it does, where it lies, and what to set. Ends with a newline. */
export function reportAsText (found: Measurements, report: ProbeReport): string {
  return `${[...measuredAsText(found, report), ...found.firsts.length === 0 ? [] : [advice(found, report)]].join('\n\n')}\n`
}

/** The report without what to set: paragraphs. */
export function measuredAsText (found: Measurements, report: ProbeReport): string[] {
  const [first] = found.firsts
  const title = first === undefined
    ? `${report.url}: interrupted before its first answer`
    : `${report.url}: HTTP/${report.httpVersion}, status ${first.answer.status}${found.complete ? '' : ' (interrupted; what was known by then)'}`
  if (first === undefined) return [title]
  const sections = [title, aligned([['', 'says', 'does'], ...rowsOf(found, report, first)])]
  if (report.lies.length > 0) sections.push(['What it says is not what it does:', ...report.lies.map(lie => `  - ${lie}`)].join('\n'))
  return sections
}

function rowsOf (found: Measurements, report: ProbeReport, { answer }: Reuse): Row[] {
  const rows: Row[] = [['persistence', said(answer), persistence(found)]]
  if (report.persistent === true) {
    const { timeoutMs, max } = report.hint
    rows.push(
      ['idle timeout', timeoutMs === null ? NOTHING : formatHint(timeoutMs), idleTimeout(found)],
      ['requests a connection', max === null ? NOTHING : `max=${max}`, requests(found)],
      ['after HEAD', sayingOf(found.head), reuse(found.head)],
      ['after POST', sayingOf(found.post), found.post === undefined && found.complete ? 'not tried' : reuse(found.post)]
    )
  }
  rows.push(['compression', NOTHING, compression(found)])
  rows.push(['connecting', NOTHING, report.connectMs === null ? 'unknown' : formatMeasured(report.connectMs)])
  if (found.url.protocol === 'https:') rows.push(['TLS handshake', found.tls?.version ?? NOTHING, handshake(found)])
  return rows
}

function said ({ connection, keepAlive, minor }: Reuse['answer']): string {
  const parts = [connection !== undefined && `Connection: ${connection}`, keepAlive !== undefined && `Keep-Alive: ${keepAlive}`].filter(Boolean)
  return parts.length > 0 ? parts.join('; ') : `nothing (HTTP/1.${minor})`
}

function persistence ({ firsts }: Measurements): string {
  const kept = firsts.filter(({ closed }) => closed === undefined).length
  const count = firsts.length === 1 ? '' : `, ${kept} of ${firsts.length}`
  switch (persistenceOf(firsts)) {
    case true: return `keeps connections${count}`
    case undefined: return `unknown: closes after the error ${firsts[0]!.answer.status}; probe a path that it answers without an error`
    case false: return `closes each after its first response, ${[...new Set(firsts.map(({ closed }) => WAYS[closed!]))].join(', ')}${count}`
  }
}

function idleTimeout ({ idle, maxWait, complete }: Measurements): string {
  if (idle === undefined) return 'unknown'
  const { opened, unanswered, closes, survivedMs } = idle
  const starved = unanswered === 0 ? '' : `; ${unanswered} got no answer while others were open`
  if (opened === 0) return `unknown${starved}`
  if (closes.length === 0) {
    // An interrupt has ended the connections before `maxWait`.
    return `> ${complete ? formatSet(maxWait) : formatMeasured(survivedMs)} (${opened} at once${starved}${complete ? '' : ', interrupted'})`
  }
  const times = closes.map(({ ms }) => ms)
  const [smallest, largest] = [Math.min(...times), Math.max(...times)]
  const ways = [...new Set(closes.map(({ by }) => WAYS[by]))].join(', ')
  const open = opened - closes.length
  return `${formatMeasured(smallest)}, ${ways} (${closes.length} of ${opened} closed, after ${formatMeasured(smallest)} to ${formatMeasured(largest)}` +
    `${open > 0 ? `; ${open} open after ${formatMeasured(survivedMs)}` : ''}${starved})`
}

function requests ({ requests }: Measurements): string {
  if (requests === undefined) return 'unknown'
  const { limit, tried, announced, doubt } = requests
  const found = limit === undefined ? `no limit found in ${tried}` : `${limit}, the last ${announced ? 'says close' : 'does not say close'}`
  return doubt === undefined ? found : `${found} (${doubt})`
}

function sayingOf (reuse: Reuse | undefined): string {
  if (reuse === undefined) return NOTHING
  return reuse.answer.status < 400 ? said(reuse.answer) : `${said(reuse.answer)} (status ${reuse.answer.status})`
}

function reuse (reuse: Reuse | undefined): string {
  if (reuse === undefined) return 'unknown'
  return reuse.closed === undefined ? 'keeps the connection' : `closes, ${WAYS[reuse.closed]}`
}

function compression ({ compression }: Measurements): string {
  if (compression === undefined) return 'unknown'
  const { plain, withVia } = compression
  if (plain === undefined) return withVia === undefined ? 'none of this page' : `none of this page, but ${withVia} for a request with Via`
  return withVia === undefined ? `${plain}, but none for a request with Via` : `${plain}, also for a request with Via${withVia === plain ? '' : `: ${withVia}`}`
}

function handshake ({ tls }: Measurements): string {
  if (tls === undefined) return 'unknown'
  const full = formatMeasured(tls.fullMs)
  if (tls.resumes === undefined) return full
  return tls.resumedMs === undefined ? `${full}; no resumption` : `${full}; ${formatMeasured(tls.resumedMs)} resumed`
}

function advice ({ complete, idle }: Measurements, { persistent, idleTimeoutMs, recommended: { undiciOptions, pool, via } }: ProbeReport): string {
  if (persistent === null && via === undefined) return 'Nothing to recommend.'
  if (persistent === false && via === undefined) return 'Nothing to set: Holdfast recognises by itself that this backend keeps no connections.'
  const needs = { idle: 'it', idleTimeoutMs: idleTimeoutMs ?? 0, requests: 'it', via: 'it' }
  const lines = optionLines({ undiciOptions, pool, ...via === false && { via } }, needs)
  if (lines === undefined) return complete && idle !== undefined && idle.opened > 0 ? 'Nothing to set: Holdfast\'s defaults, and what this backend says, are right for it.' : 'Nothing to recommend: too little is known.'
  return ['Options of its route:', '', lines].join('\n')
}

/** Which backend needs each of the settings, and the idle time that it closes after, in ms. */
export interface Needs { readonly idle: string, readonly idleTimeoutMs: number, readonly requests: string, readonly via: string }

/** The options to set, as lines of code with their reasons; undefined for none. */
export function optionLines ({ undiciOptions, pool, via }: Recommendation, needs: Needs): string | undefined {
  const lines: string[] = []
  if (undiciOptions.keepAliveTimeout !== undefined) {
    lines.push(
      `  // ${needs.idle} closes idle connections after ${formatMeasured(needs.idleTimeoutMs)}: the setting is ${MARGIN_RULE}`,
      `  undiciOptions: { keepAliveTimeout: ${inCode(undiciOptions.keepAliveTimeout)} },`
    )
  }
  if (pool.maxRequestsPerConnection !== undefined) {
    lines.push(
      `  // ${needs.requests} closes a connection after so many requests, and does not say so`,
      `  pool: { maxRequestsPerConnection: ${inCode(pool.maxRequestsPerConnection)} },`
    )
  }
  if (via === false) {
    lines.push(`  // ${needs.via} compresses nothing for a request with Via; "gzip_proxied any;" at an nginx is the other way`, '  via: false,')
  }
  return lines.length === 0 ? undefined : lines.join('\n').replace(/,$/, '')
}

// With underscores, as in code.
function inCode (n: number): string {
  return n.toLocaleString('en-US').replaceAll(',', '_')
}

function aligned (rows: readonly Row[]): string {
  const widths = [0, 1].map(column => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(([what, says, does]) => `  ${what.padEnd(widths[0]!)}  ${says.padEnd(widths[1]!)}  ${does}`.trimEnd()).join('\n')
}
