import t from 'tap'
import { formatMeasured, formatSet, parseDuration } from '../../src/probe/duration.js'
import type { Measurements } from '../../src/probe/measurements.js'
import { progressOf } from '../../src/probe/progress.js'
import { reportOf } from '../../src/probe/report.js'
import { reportAsText } from '../../src/probe/report-text.js'
import { closedAfter, found, hinted, reuse } from './found.js'

const table = (measured: Partial<Measurements> = {}): string => reportAsText(found(measured), reportOf(found(measured)))

t.test('a backend that lies, as a whole', async t => {
  const measured = {
    firsts: [reuse(undefined, hinted(30_000, 100))],
    idle: { opened: 3, unanswered: 0, closes: [{ ms: 2_001, by: 'fin' as const }, { ms: 2_984, by: 'fin' as const }], survivedMs: 3_500 },
    requests: { tried: 50, limit: 50, announced: false, doubt: undefined },
    head: reuse(undefined, hinted(30_000), 'HEAD')
  }
  t.equal(table(measured), `http://backend.test/: HTTP/1.1, status 200

                         says                                                     does
  persistence            Connection: keep-alive; Keep-Alive: timeout=30, max=100  keeps connections
  idle timeout           30 s                                                     2.00 s, by FIN (2 of 3 closed, after 2.00 s to 2.98 s; 1 open after 3.50 s)
  requests a connection  max=100                                                  50, the last does not say close
  after HEAD             Connection: keep-alive; Keep-Alive: timeout=30           keeps the connection
  after POST             -                                                        not tried
  compression            -                                                        unknown
  connecting             -                                                        2.0 ms

What it says is not what it does:
  - Closes idle connections earlier than it says: 30 s by its Keep-Alive header, and closed after 2.00 s.
  - Serves fewer requests on a connection than it says: max=100 in the first response allows 101 in all, and it ends a connection with the 50th.
  - Closes after a number of requests without saying so: a connection is closed after 50, and the last response does not say close.

Options of its route:

  // it closes idle connections after 2.00 s: the setting is less by 1 s or 10 %, whichever is more, and at least half of it
  undiciOptions: { keepAliveTimeout: 1_000 },
  // it closes a connection after so many requests, and does not say so
  pool: { maxRequestsPerConnection: 50 }
`)
})

t.test('a backend that is as it should be', async t => {
  const printed = table({ firsts: [reuse(undefined, hinted(5_000))], idle: closedAfter(6_000), post: reuse('announced', { status: 501 }, 'POST') })
  t.match(printed, /6\.00 s, by FIN \(1 of 1 closed, after 6\.00 s to 6\.00 s\)/)
  t.match(printed, /no limit found in 1100\n/)
  t.match(printed, /after POST +nothing \(HTTP\/1\.1\) \(status 501\) +closes, announced\n/)
  t.match(printed, /Nothing to set: Holdfast's defaults/)
})

t.test('idle times beyond the longest wait, and those of an interrupted probe', async t => {
  t.match(table(), /idle timeout +- +> 65 s \(2 at once\)\n/)
  const interrupted = table({ complete: false, idle: { opened: 2, unanswered: 0, closes: [], survivedMs: 12_340 }, requests: undefined })
  t.match(interrupted, /^http:\/\/backend\.test\/: HTTP\/1\.1, status 200 \(interrupted/)
  t.match(interrupted, /> 12\.34 s \(2 at once, interrupted\)\n/)
  t.match(interrupted, /requests a connection +- +unknown\n/)
  t.match(interrupted, /after POST +- +unknown\n/)
  t.match(interrupted, /too little is known/)
  t.equal(table({ firsts: [], complete: false }), 'http://backend.test/: interrupted before its first answer\n')
})

t.test('a backend that serves fewer connections at once than were opened', async t => {
  t.match(table({ idle: { opened: 1, unanswered: 15, closes: [], survivedMs: 65_000 } }), /> 65 s \(1 at once; 15 got no answer while others were open\)\n/)
  const none = table({ idle: { opened: 0, unanswered: 16, closes: [], survivedMs: 0 } })
  t.match(none, /idle timeout +- +unknown; 16 got no answer while others were open\n/)
  t.match(none, /too little is known/)
})

t.test('a backend that keeps no connections, in each of its forms', async t => {
  const none = { idle: undefined, requests: undefined }
  const announced = table({ ...none, firsts: [reuse('announced', { connection: 'close' }), reuse('announced'), reuse('announced')] })
  t.match(announced, /persistence +Connection: close +closes each after its first response, announced, 0 of 3\n/)
  t.match(announced, /Nothing to set: Holdfast recognises by itself/)
  t.notMatch(announced, /idle timeout/)
  t.match(table({ ...none, firsts: [reuse('fin'), reuse('rst')] }), /closes each after its first response, by FIN, by RST, 0 of 2\n/)
  const unknown = table({ ...none, firsts: [reuse('announced', { status: 500 })] })
  t.match(unknown, /unknown: closes after the error 500; probe a path that it answers without an error\n/)
  t.match(unknown, /Nothing to recommend\.\n/)
})

t.test('a limit that was seen once, and one that is doubtful', async t => {
  t.match(table({ requests: { tried: 100, limit: 100, announced: true, doubt: 'seen on one connection only' } }), /100, the last says close \(seen on one connection only\)\n/)
  t.match(table({ requests: { tried: 7, limit: undefined, announced: false, doubt: 'request 8 got no answer that can be read' } }), /no limit found in 7 \(request 8 got/)
})

t.test('TLS: a full handshake, and one resumed', async t => {
  const url = new URL('https://backend.test/')
  const tls = { connectMs: 0.4, version: 'TLSv1.3', fullMs: 12.3, resumedMs: 1.2, resumes: true }
  t.match(table({ url, tls }), /TLS handshake +TLSv1\.3 +12 ms; 1\.2 ms resumed\n/)
  t.match(table({ url, tls: { ...tls, resumedMs: undefined, resumes: false } }), /12 ms; no resumption\n/)
  t.match(table({ url }), /TLS handshake +- +unknown\n/)
})

t.test('compression, and what to set where Via stops it', async t => {
  const stopped = table({ compression: { plain: 'gzip', withVia: undefined } })
  t.match(stopped, /compression +- +gzip, but none for a request with Via\n/)
  t.match(stopped, /Options of its route:\n\n {2}\/\/ it compresses nothing .*\n {2}via: false\n$/)
  t.match(table({ firsts: [reuse('fin')], idle: undefined, requests: undefined, compression: { plain: 'br', withVia: undefined } }), /via: false\n$/, 'also where no connection is kept')
  t.match(table({ compression: { plain: 'gzip', withVia: 'gzip' } }), /compression +- +gzip, also for a request with Via\n/)
  t.match(table({ compression: { plain: 'br', withVia: 'gzip' } }), /br, also for a request with Via: gzip\n/)
  t.match(table({ compression: { plain: undefined, withVia: undefined } }), /compression +- +none of this page\n/)
})

t.test('timeout=0 is shown as less than 1 s', async t => {
  t.match(table({ firsts: [reuse(undefined, hinted(0))], idle: closedAfter(1_000) }), /idle timeout +less than 1 s +1\.00 s, by FIN/)
})

t.test('progress is one line', async t => {
  t.equal(progressOf(found({ firsts: [], idle: undefined, requests: undefined }), 900), '1 s: waiting for the first answer')
  t.equal(progressOf(found({ idle: undefined }), 1_000), '1 s: are connections kept?')
  t.equal(progressOf(found({ idle: { opened: 16, unanswered: 0, closes: [{ ms: 2_000, by: 'fin' }], survivedMs: 0 } }), 3_000),
    '3 s of 65 s at most: 15 connections idle, 1 closed, the first after 2.00 s, 1100 requests on one')
})

t.test('durations are read with their unit, and alone as seconds', async t => {
  const read = { '500ms': 500, '65s': 65_000, '2m': 120_000, '1h': 3_600_000, 8: 8_000, 1.5: 1_500, '0.5s': 500 }
  for (const [text, ms] of Object.entries(read)) t.equal(parseDuration(text), ms, text)
  for (const text of ['', 's', '-1s', '1 s', '1d', '1e3', '0x10', 'Infinity', '1s2']) t.equal(parseDuration(text), undefined, text)
})

t.test('durations are printed as they were set, or to three figures', async t => {
  t.same([500, 65_000, 1_500, 120_000].map(formatSet), ['500 ms', '65 s', '1.5 s', '120 s'])
  t.same([0.31, 9.96, 300.4, 999.6, 2_003, 72_998].map(formatMeasured), ['0.3 ms', '10 ms', '300 ms', '1.00 s', '2.00 s', '73.00 s'])
})
