import t from 'tap'
import { LIES } from '../../src/probe/lies.js'
import { reportOf } from '../../src/probe/report.js'
import { closedAfter, found, hinted, reuse } from './found.js'

const firsts = (answer: ReturnType<typeof hinted>): ReturnType<typeof reuse>[] => [reuse(undefined, answer)]

t.test('a report has these names and no others, in JSON too', async t => {
  t.same(JSON.parse(JSON.stringify(reportOf(found({ idle: closedAfter(5_000.4, 5_010) })))), {
    url: 'http://backend.test/', httpVersion: '1.1', persistent: true, idleTimeoutMs: 5_000, closesBy: 'fin', requestsPerConnection: null,
    hint: { timeoutMs: null, max: null }, headReuses: null, postReuses: null, viaStopsCompression: null, connectMs: 2, tlsMs: null, tlsResumes: null, lies: [],
    recommended: { undiciOptions: { keepAliveTimeout: 4_000 }, pool: {} }
  })
})

t.test('nothing known is null', async t => {
  t.match(reportOf(found({ firsts: [], dials: [], idle: undefined, requests: undefined, complete: false })), {
    httpVersion: null, persistent: null, idleTimeoutMs: null, closesBy: null, requestsPerConnection: null, headReuses: null, connectMs: null, lies: []
  })
})

t.test('times are whole ms, those of a handshake tenths', async t => {
  const url = new URL('https://backend.test/')
  const tls = { connectMs: 0.3333, version: 'TLSv1.3', fullMs: 2.26, resumedMs: 1, resumes: true }
  t.match(reportOf(found({ url, tls })), { connectMs: 0.3, tlsMs: 2.3, tlsResumes: true })
  t.match(reportOf(found({ url })), { connectMs: null }, 'a dial over TLS is more than a connect')
})

t.test('closesBy is what most of the idle connections saw', async t => {
  const closes = [{ ms: 1, by: 'fin' as const }, { ms: 2, by: 'rst' as const }, { ms: 3, by: 'rst' as const }]
  t.equal(reportOf(found({ idle: { opened: 3, unanswered: 0, closes, survivedMs: 0 } })).closesBy, 'rst')
})

t.test('persistence: one kept is enough; closes after errors are no evidence, silent ones and HTTP/1.0 are', async t => {
  const verdict = (...reuses: ReturnType<typeof reuse>[]): boolean | null => reportOf(found({ firsts: reuses })).persistent
  t.equal(verdict(reuse('fin'), reuse('announced'), reuse(undefined)), true)
  t.equal(verdict(reuse('announced', { status: 404 }), reuse('announced', { status: 500 })), null)
  t.equal(verdict(reuse('fin', { status: 404 })), false)
  t.equal(verdict(reuse('announced', { status: 404, minor: 0 })), false)
  t.equal(verdict(reuse('announced', { status: 404 }), reuse('announced', { status: 301 })), false)
})

t.test('an idle timeout within 0.3 s of what was said is no lie', async t => {
  for (const ms of [4_704, 4_996, 5_000, 5_296]) t.same(reportOf(found({ firsts: firsts(hinted(5_000)), idle: closedAfter(ms) })).lies, [], `${ms}`)
  t.match(reportOf(found({ firsts: firsts(hinted(5_000)), idle: closedAfter(4_600) })).lies, [LIES.idleShorter])
  t.match(reportOf(found({ firsts: firsts(hinted(5_000)), idle: closedAfter(6_000) })).lies, [LIES.idleLonger])
})

t.test('a probe that was interrupted tells no lies about what it did not see', async t => {
  const idle = { opened: 2, unanswered: 0, closes: [], survivedMs: 6_000 }
  t.same(reportOf(found({ firsts: firsts(hinted(5_000)), idle, complete: false })).lies, [])
})

t.test('max allows one more than it says in the first response', async t => {
  const limited = (limit: number, announced: boolean): string[] => [...reportOf(found({
    firsts: firsts(hinted(undefined, 100)), requests: { tried: limit, limit, announced, doubt: undefined }
  })).lies]
  t.same(limited(101, true), [])
  t.same(limited(101, false), [], 'max has announced it')
  t.match(limited(100, true), [/^Serves fewer requests on a connection than it says: .* 100th\.$/])
  t.match(limited(50, false), [LIES.requestsFewer, LIES.requestsUnannounced])
  t.match(limited(200, true), [LIES.requestsMore])
  t.same(reportOf(found({ firsts: firsts(hinted(undefined, 5_000)) })).lies, [], 'so many were not tried')
})

t.test('a close after HEAD or POST is a lie unless it is announced, or undici\'s', async t => {
  t.match(reportOf(found({ head: reuse('fin', {}, 'HEAD'), post: reuse('rst', {}, 'POST') })), { headReuses: false, postReuses: false, lies: [LIES.head, LIES.post] })
  t.match(reportOf(found({ head: reuse('own', {}, 'HEAD'), post: reuse('announced', {}, 'POST') })), { headReuses: false, postReuses: false, lies: [] })
  t.match(reportOf(found({ head: reuse(undefined, {}, 'HEAD') })), { headReuses: true, postReuses: null, lies: [] })
})

t.test('a body behind the answer to a HEAD is a lie of its own', async t => {
  t.match(reportOf(found({ head: reuse('data', {}, 'HEAD') })), { headReuses: false, lies: [LIES.headBody] })
})

t.test('after a refused POST, reuse after a POST stays unknown', async t => {
  for (const status of [400, 401, 403, 404, 405, 413, 429, 500, 501, 503]) {
    for (const closed of [undefined, 'announced'] as const) {
      t.match(reportOf(found({ post: reuse(closed, { status }, 'POST') })), { postReuses: null, lies: [] }, `${status}, ${closed}`)
    }
  }
  for (const status of [200, 201, 204, 303]) t.match(reportOf(found({ post: reuse(undefined, { status }, 'POST') })), { postReuses: true }, `${status}`)
  t.match(reportOf(found({ post: reuse('fin', { status: 404 }, 'POST') })), { postReuses: null, lies: [LIES.post] }, 'that it is unannounced harms all the same')
})

t.test('a page that is compressed without Via alone', async t => {
  const stops = (plain: string | undefined, withVia: string | undefined): unknown => {
    const { viaStopsCompression, recommended } = reportOf(found({ compression: { plain, withVia } }))
    return [viaStopsCompression, recommended]
  }
  const nothing = { undiciOptions: {}, pool: {} }
  t.same(stops('gzip', undefined), [true, { ...nothing, via: false }])
  t.same(stops('gzip', 'gzip'), [false, nothing])
  t.same(stops(undefined, undefined), [null, nothing])
  t.match(reportOf(found({ firsts: [reuse('fin')], compression: { plain: 'gzip', withVia: undefined } })), { persistent: false, recommended: { via: false } })
})

t.test('timeout=0 is less than a second, and only a longer idle time is a lie', async t => {
  const zero = { firsts: firsts(hinted(0)) }
  for (const ms of [1, 500, 1_000, 1_290]) t.same(reportOf(found({ ...zero, idle: closedAfter(ms) })).lies, [], `${ms}`)
  t.match(reportOf(found({ ...zero, idle: closedAfter(1_500) })).lies, [/^Keeps idle connections longer than it says: less than 1 s by its Keep-Alive header, and closed after 1\.50 s\.$/])
  t.same(reportOf(found({ firsts: [reuse('fin', hinted(0))], idle: undefined, requests: undefined })).lies, [], 'it may be none at all')
})

t.test('each lie begins with its phrase and a colon, and is a sentence', async t => {
  const { lies } = reportOf(found({
    firsts: firsts(hinted(30_000, 10)), idle: closedAfter(2_000), requests: { tried: 7, limit: 7, announced: false, doubt: undefined }, head: reuse('fin', {}, 'HEAD')
  }))
  t.equal(lies.length, 4)
  const phrases: string[] = Object.values(LIES)
  for (const lie of lies) t.ok(phrases.includes(lie.slice(0, lie.indexOf(': '))) && lie.endsWith('.'), lie)
  t.equal(new Set(phrases).size, phrases.length)
})
