import t from 'tap'
import { HoldfastError } from '../../src/errors.js'
import { differencesOf } from '../../src/probe/differences.js'
import type { Measurements } from '../../src/probe/measurements.js'
import type { ProbeReport } from '../../src/probe/report.js'
import { reportOf } from '../../src/probe/report.js'
import type { MeasuredEndpoint } from '../../src/probe/target-probe.js'
import { strictestOf, targetReportOf } from '../../src/probe/target-report.js'
import { targetReportAsText } from '../../src/probe/target-report-text.js'
import { closedAfter, found, hinted, reuse } from './found.js'

const ORIGIN = new URL('http://users.internal:3000')

const at = (address: string, measured: Partial<Measurements> = {}): MeasuredEndpoint => ({ address, found: found({ url: new URL(`http://${address}/`), ...measured }) })
const lost = (address: string): MeasuredEndpoint => {
  const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  return { address, failure: new HoldfastError('HOLDFAST_ERR_CONNECT', { cause }) }
}
const text = (measured: readonly MeasuredEndpoint[], all = measured.length): string => targetReportAsText(measured, targetReportOf(ORIGIN, measured), all)

function differences (...reports: Partial<ProbeReport>[]): string[] {
  return differencesOf(reports.map((report, i) => ({ address: 'abcd'[i]!, report: { ...reportOf(found()), ...report } })))
}

t.test('equal backends differ in nothing, and one backend differs from no other', async t => {
  t.strictSame(differences({}, {}, {}), [])
  t.strictSame(differences({}), [])
  t.strictSame(differences(), [])
})

t.test('each property has a sentence, with the addresses of those that have the same', async t => {
  const rows: [Partial<ProbeReport>, Partial<ProbeReport>, string][] = [
    [{ httpVersion: '1.1' }, { httpVersion: '1.0' }, 'HTTP version: 1.1 (a, c); 1.0 (b)'],
    [{ persistent: true }, { persistent: false }, 'persistence: keeps connections (a, c); closes each after its first response (b)'],
    [{ hint: { timeoutMs: null, max: null } }, { hint: { timeoutMs: 5_000, max: 100 } }, 'Keep-Alive header: none (a, c); timeout 5 s and max 100 (b)'],
    [{ closesBy: 'fin' }, { closesBy: 'rst' }, 'how it closes: by FIN (a, c); by RST (b)'],
    [{ requestsPerConnection: null }, { requestsPerConnection: 100 }, 'requests a connection: no limit found (a, c); 100 (b)'],
    [{ headReuses: true }, { headReuses: false }, 'after HEAD: keeps the connection (a, c); closes (b)'],
    [{ postReuses: true }, { postReuses: false }, 'after POST: keeps the connection (a, c); closes (b)'],
    [{ viaStopsCompression: false }, { viaStopsCompression: true }, 'compression for a request with Via: as without (a, c); none (b)'],
    [{ tlsResumes: true }, { tlsResumes: false }, 'TLS resumption: yes (a, c); no (b)'],
    [{ idleTimeoutMs: 5_000 }, { idleTimeoutMs: 75_000 }, 'idle timeout: 5.00 s (a, c); 75.00 s (b)'],
    [{ idleTimeoutMs: null }, { idleTimeoutMs: 75_000 }, 'idle timeout: not seen (a, c); 75.00 s (b)']
  ]
  for (const [one, other, sentence] of rows) t.strictSame(differences(one, other, one), [sentence])
})

t.test('what is not known, and idle times that are nearly the same, are no difference', async t => {
  t.strictSame(differences({ headReuses: null, postReuses: null, viaStopsCompression: null, tlsResumes: null, closesBy: null },
    { headReuses: true, postReuses: false, viaStopsCompression: true, tlsResumes: true, closesBy: 'fin' }), [])
  t.strictSame(differences({ persistent: null }, { persistent: true }), [])
  t.strictSame(differences({ idleTimeoutMs: 2_000 }, { idleTimeoutMs: 3_000 }), [], 'a server that looks once a second')
  t.strictSame(differences({ idleTimeoutMs: 60_000 }, { idleTimeoutMs: 72_000 }), [])
  t.equal(differences({ idleTimeoutMs: 60_000 }, { idleTimeoutMs: 72_001 }).length, 1)
  t.strictSame(differences({ persistent: false, idleTimeoutMs: null, requestsPerConnection: 1 }, { persistent: false, idleTimeoutMs: null, requestsPerConnection: 1 }), [])
})

t.test('of each setting the strictest counts', async t => {
  const recommended = [
    { undiciOptions: {}, pool: {} },
    { undiciOptions: { keepAliveTimeout: 4_000 }, pool: { maxRequestsPerConnection: 100 } },
    { undiciOptions: { keepAliveTimeout: 9_000 }, pool: { maxRequestsPerConnection: 10 }, via: false as const }
  ]
  t.strictSame(strictestOf(recommended), { undiciOptions: { keepAliveTimeout: 4_000 }, pool: { maxRequestsPerConnection: 10 }, via: false })
  t.strictSame(strictestOf([]), { undiciOptions: {}, pool: {} })
})

t.test('the report has each endpoint, what differs, and what to set for all', async t => {
  const measured = [
    at('10.0.0.1:3000', { firsts: [reuse(undefined, hinted(5_000))], idle: closedAfter(6_000) }),
    at('10.0.0.2:3000', { idle: closedAfter(2_000), compression: { plain: 'gzip', withVia: undefined } }),
    lost('10.0.0.3:3000'),
    at('10.0.0.4:3000', { requests: { tried: 50, limit: 50, announced: false, doubt: undefined } })
  ]
  const { origin, endpoints } = targetReportOf(ORIGIN, measured)
  t.equal(origin, 'http://users.internal:3000')
  t.strictSame(endpoints[2], { address: '10.0.0.3:3000', unreachable: 'The backend could not be reached (ECONNREFUSED)' })
  const printed = text(measured)
  for (const address of ['10.0.0.1:3000', '10.0.0.2:3000', '10.0.0.4:3000']) t.match(printed, `http://${address}/: HTTP/1.1, status 200\n`)
  t.match(printed, '\n10.0.0.3:3000: The backend could not be reached (ECONNREFUSED)\n')
  t.equal(printed.split('\n\n').slice(-3).join('\n\n'), `What differs between the endpoints:
  - idle timeout: 6.00 s (10.0.0.1:3000); 2.00 s (10.0.0.2:3000); not seen (10.0.0.4:3000)
  - Keep-Alive header: timeout 5 s (10.0.0.1:3000); none (10.0.0.2:3000, 10.0.0.4:3000)
  - requests a connection: no limit found (10.0.0.1:3000, 10.0.0.2:3000); 50 (10.0.0.4:3000)

Options of their route:

  // 10.0.0.2:3000 closes idle connections after 2.00 s: the setting is less by 1 s or 10 %, whichever is more, and at least half of it
  undiciOptions: { keepAliveTimeout: 1_000 },
  // 10.0.0.4:3000 closes a connection after so many requests, and does not say so
  pool: { maxRequestsPerConnection: 50 },
  // 10.0.0.2:3000 compresses nothing for a request with Via; "gzip_proxied any;" at an nginx is the other way
  via: false
`)
})

t.test('endpoints that need nothing, and endpoints of which too little is known', async t => {
  t.match(text([at('10.0.0.1:3000'), at('10.0.0.2:3000')]), /\nNothing to set for these endpoints\.\n$/)
  t.match(text([lost('10.0.0.1:3000')]), /^10\.0\.0\.1:3000: .*\n\nNothing to recommend: too little is known\.\n$/)
  const interrupted = [at('10.0.0.1:3000'), at('10.0.0.2:3000', { firsts: [], complete: false })]
  const printed = text(interrupted, 4)
  t.match(printed, 'http://10.0.0.2:3000/: interrupted before its first answer\n')
  t.match(printed, '\nInterrupted: 2 of 4 endpoints were not measured.\n')
  t.match(printed, 'too little is known')
  t.strictSame(targetReportOf(ORIGIN, interrupted).differences, [])
})
