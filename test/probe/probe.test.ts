import t from 'tap'
import { LIES } from '../../src/probe/lies.js'
import { probe, type ProbeOptions, type ProbeReport } from '../../src/probe/probe.js'
import { answer } from '../../testing/answer.js'
import { startBackend, type BackendConnection, type BackendScript } from '../../testing/backend.js'
import { apache, gunicornThread, haproxy, idleCloser, nginx, node, persistent, phpServer, pythonHttp10, silentCloser } from '../../testing/behaviours.js'

t.jobs = 4

/** Probes a scripted backend. Default: one idle connection and few requests. */
async function probed (t: { teardown (fn: () => unknown): void }, script: BackendScript, options: Partial<ProbeOptions> = {}): Promise<ProbeReport> {
  const backend = await startBackend(script)
  t.teardown(() => backend.close())
  return await probe(new URL('/path?query', backend.url), { maxWait: 5_000, connections: 1, requests: 20, ...options })
}

function isAbout (measured: number | null, ms: number): boolean {
  // Timers fire early only by their rounding, and late on a busy machine.
  return measured !== null && measured > ms - 50 && measured < ms + 1_000
}

const phrases = ({ lies }: ProbeReport): string[] => lies.map(lie => lie.slice(0, lie.indexOf(':')))

t.test('a backend that closes idle connections by FIN, and says the right time', async t => {
  const report = await probed(t, node({ keepAliveMs: 1_000, saysSeconds: 1 }))
  t.ok(isAbout(report.idleTimeoutMs, 1_000), `${report.idleTimeoutMs}`)
  t.match(report, {
    httpVersion: '1.1', persistent: true, closesBy: 'fin', requestsPerConnection: null, hint: { timeoutMs: 1_000, max: null }, headReuses: true, postReuses: null,
    tlsMs: null, tlsResumes: null, lies: [], recommended: { undiciOptions: {}, pool: {} }
  })
  t.type(report.connectMs, 'number')
})

t.test('a backend that resets idle connections', async t => {
  const report = await probed(t, idleCloser({ idleMs: 300, how: 'rst' }))
  t.ok(isAbout(report.idleTimeoutMs, 300), `${report.idleTimeoutMs}`)
  t.match(report, { persistent: true, closesBy: 'rst', hint: { timeoutMs: null, max: null }, lies: [] })
  t.ok(report.recommended.undiciOptions.keepAliveTimeout! < report.idleTimeoutMs!)
})

t.test('a backend that sends a 408 to idle connections before it closes them', async t => {
  const report = await probed(t, (request, connection) => {
    answer(request, connection)
    if (request.nth > 1) return
    const timer = setTimeout(() => {
      connection.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      connection.end()
    }, 300)
    connection.socket.once('data', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
  })
  t.ok(isAbout(report.idleTimeoutMs, 300), `${report.idleTimeoutMs}`)
  t.equal(report.closesBy, 'announced')
})

t.test('hints that lie: an idle time shorter than said, and one longer', async t => {
  const shorter = await probed(t, nginx({ keepAliveMs: 300, hint: 30 }))
  t.same(phrases(shorter), [LIES.idleShorter])
  t.match(shorter, { hint: { timeoutMs: 30_000 }, recommended: { undiciOptions: { keepAliveTimeout: Number } } })
  const longer = await probed(t, node({ keepAliveMs: 1_500, saysSeconds: 1 }))
  t.same(phrases(longer), [LIES.idleLonger])
})

t.test('a backend that never closes: null, and its hint is judged if it is shorter than the wait', async t => {
  const silent = await probed(t, persistent(), { maxWait: 500 })
  t.match(silent, { persistent: true, idleTimeoutMs: null, closesBy: null, lies: [] })
  const said = await probed(t, node({ keepAliveMs: 60_000, saysSeconds: 1 }), { maxWait: 1_500 })
  t.match(said, { idleTimeoutMs: null, hint: { timeoutMs: 1_000 } })
  t.same(phrases(said), [LIES.idleLonger])
  const notYet = await probed(t, node({ keepAliveMs: 60_000, saysSeconds: 5 }), { maxWait: 500 })
  t.same(notYet.lies, [])
})

t.test('a backend that closes at intervals: the smallest of many idle times that begin at different moments', async t => {
  const began = performance.now()
  const report = await probed(t, gunicornThread({ minMs: 300, maxMs: 900 }), { connections: 8, maxWait: 60_000 })
  t.ok(report.idleTimeoutMs! < 900 && report.idleTimeoutMs! > 250, `${report.idleTimeoutMs}`)
  t.ok(performance.now() - began < 30_000, 'it ends when all are closed')
})

t.test('the probe ends early if some connections stay open for much longer than half of them did', async t => {
  const began = performance.now()
  let responses = 0
  const closing = idleCloser({ idleMs: 300, how: 'fin' })
  const staying = haproxy()
  const backend: BackendScript = (request, connection) => (responses++ % 3 === 0 ? staying : closing)(request, connection)
  const report = await probed(t, backend, { connections: 6, requests: 1, maxWait: 60_000 })
  t.ok(isAbout(report.idleTimeoutMs, 300), `${report.idleTimeoutMs}`)
  t.ok(performance.now() - began < 30_000)
})

t.test('a limit of requests that is announced, by max and by close', async t => {
  t.match(await probed(t, apache({ keepAliveMs: 1_000, max: 4 })), { requestsPerConnection: 5, hint: { timeoutMs: 1_000, max: 4 }, lies: [], recommended: { pool: {} } })
  t.match(await probed(t, nginx({ keepAliveMs: 300, requests: 10 })), { requestsPerConnection: 10, hint: { max: null }, lies: [], recommended: { pool: {} } })
})

t.test('max=N each time, and close with the Nth', async t => {
  const report = await probed(t, (request, connection) => {
    const last = request.nth === 5
    answer(request, connection, { headers: last ? { Connection: 'close' } : { Connection: 'keep-alive', 'Keep-Alive': 'max=5' } })
    if (last) connection.end()
  }, { maxWait: 1_000 })
  t.match(report, { requestsPerConnection: 5, hint: { max: 5 }, recommended: { pool: {} } })
  t.same(phrases(report), [LIES.requestsFewer])
})

t.test('more requests than max says', async t => {
  const report = await probed(t, (request, connection) => answer(request, connection, { headers: { 'Keep-Alive': 'max=3' } }), { maxWait: 1_000 })
  t.match(report, { requestsPerConnection: null, hint: { max: 3 } })
  t.same(phrases(report), [LIES.requestsMore])
})

t.test('an unannounced limit of requests becomes a recommendation', async t => {
  for (const end of ['end', 'reset'] as const) {
    const report = await probed(t, (request, connection) => {
      if (request.nth <= 7) answer(request, connection)
      // A reset would discard a response that was not read yet.
      if (request.nth === (end === 'end' ? 7 : 8)) connection[end]()
    }, { maxWait: 1_000 })
    t.match(report, { persistent: true, requestsPerConnection: 7, recommended: { pool: { maxRequestsPerConnection: 7 } } }, end)
    t.same(phrases(report), [LIES.requestsUnannounced])
  }
})

t.test('connections that end after different numbers of requests have no such limit', async t => {
  let connections = 0
  const ends = new Map<BackendConnection, number>()
  const report = await probed(t, {
    onConnection: connection => { ends.set(connection, 5 + connections++) },
    onRequest: (request, connection) => {
      answer(request, connection)
      if (request.nth === ends.get(connection)) connection.end()
    }
  }, { maxWait: 1_000 })
  t.match(report, { persistent: true, requestsPerConnection: null, lies: [] })
})

t.test('an error in the middle, such as a rate limit, is not taken for a limit of requests', async t => {
  let answered = 0
  const report = await probed(t, (request, connection) => {
    if (request.nth < 5 || ++answered > 100) return answer(request, connection)
    answer(request, connection, { status: 429, headers: { Connection: 'close' } })
    connection.end()
  }, { maxWait: 1_000 })
  t.match(report, { persistent: true, requestsPerConnection: null })
})

const NON_PERSISTENT = { persistent: false, idleTimeoutMs: null, requestsPerConnection: 1, headReuses: null, recommended: { undiciOptions: {}, pool: {} } } as const

t.test('a non-persistent backend that says so: by close, by HTTP/1.0', async t => {
  t.match(await probed(t, phpServer()), { ...NON_PERSISTENT, httpVersion: '1.1', closesBy: 'announced', lies: [] })
  t.match(await probed(t, pythonHttp10()), { ...NON_PERSISTENT, httpVersion: '1.0', closesBy: 'announced', lies: [] })
  t.match(await probed(t, pythonHttp10({ contentLength: false })), { ...NON_PERSISTENT, httpVersion: '1.0', closesBy: 'announced', lies: [] })
})

t.test('timeout=0 promises less than a second, and what is kept for that long is kept', async t => {
  const none = await probed(t, (request, connection) => {
    answer(request, connection, { headers: { 'Keep-Alive': 'timeout=0' } })
    connection.end()
  })
  t.match(none, { ...NON_PERSISTENT, closesBy: 'fin', hint: { timeoutMs: 0 }, lies: [] })
  const some = await probed(t, node({ keepAliveMs: 600, saysSeconds: 0 }))
  t.match(some, { persistent: true, closesBy: 'fin', hint: { timeoutMs: 0 } })
  t.ok(isAbout(some.idleTimeoutMs, 600), `${some.idleTimeoutMs}`)
})

t.test('a page that is compressed, but not for a request with Via', async t => {
  const coding = (stoppedByVia: boolean, closes: boolean): BackendScript => (request, connection) => {
    const coded = request.header('accept-encoding') === 'gzip' && !(stoppedByVia && request.header('via') !== undefined)
    answer(request, connection, coded ? { headers: { 'Content-Encoding': 'gzip' } } : {})
    if (closes) connection.end()
  }
  const quick = { maxWait: 300 }
  for (const closes of [false, true]) {
    t.match(await probed(t, coding(true, closes), quick), { persistent: !closes, viaStopsCompression: true, recommended: { via: false } })
    t.match(await probed(t, coding(false, closes), quick), { viaStopsCompression: false, recommended: { via: undefined } })
  }
  t.match(await probed(t, persistent(), quick), { viaStopsCompression: null })
  t.match(await probed(t, coding(true, false), { ...quick, headers: ['Via', '1.1 cdn'] }), { viaStopsCompression: null }, 'all have one')
  let asked = 0
  t.match(await probed(t, (request, connection) => {
    const coded = request.header('accept-encoding') !== undefined && asked++ === 0
    answer(request, connection, coded ? { headers: { 'Content-Encoding': 'gzip' } } : {})
  }, quick), { viaStopsCompression: null }, 'it compressed once, and not the second time either')
})

t.test('a non-persistent backend that says nothing', async t => {
  for (const afterMs of [0, 40]) {
    const report = await probed(t, silentCloser({ afterMs }))
    t.match(report, { ...NON_PERSISTENT, closesBy: 'fin' }, `${afterMs} ms after the response`)
    t.same(phrases(report), [LIES.nothingAndCloses])
  }
})

t.test('a non-persistent backend that says keep-alive', async t => {
  const report = await probed(t, (request, connection) => {
    answer(request, connection, { headers: { Connection: 'keep-alive', 'Keep-Alive': 'timeout=5' } })
    connection.end()
  })
  t.match(report, { ...NON_PERSISTENT, closesBy: 'fin', hint: { timeoutMs: 5_000 } })
  t.same(phrases(report), [LIES.keepAliveAndCloses])
})

t.test('a backend that resets at the second request is non-persistent', async t => {
  const report = await probed(t, (request, connection) => {
    if (request.nth > 1) return connection.reset()
    answer(request, connection)
  })
  t.match(report, { ...NON_PERSISTENT, closesBy: 'rst' })
  t.same(phrases(report), [LIES.nothingAndCloses])
})

t.test('a second request without an answer is no proof of persistence', async t => {
  const report = await probed(t, (request, connection) => { if (request.nth === 1) answer(request, connection) }, { answerTimeout: 200 })
  t.match(report, { ...NON_PERSISTENT, closesBy: null })
  t.same(phrases(report), [LIES.unanswered])
})

t.test('one connection of three that is kept is enough', async t => {
  let connections = 0
  const report = await probed(t, {
    onConnection: () => { connections++ },
    onRequest: (request, connection) => {
      answer(request, connection)
      if (connections === 1) connection.end()
    }
  }, { maxWait: 300 })
  t.equal(report.persistent, true)
})

t.test('a close after an error that it answered says nothing of persistence, nor does the probe', async t => {
  const report = await probed(t, (request, connection) => {
    answer(request, connection, { status: 500, headers: { Connection: 'close' } })
    connection.end()
  })
  t.match(report, { persistent: null, closesBy: null, requestsPerConnection: null, recommended: { undiciOptions: {}, pool: {} } })
})

t.test('errors and redirects are answers like any other', async t => {
  for (const status of [301, 404, 500]) {
    const report = await probed(t, (request, connection) => answer(request, connection, { status }), { maxWait: 300 })
    t.match(report, { persistent: true, headReuses: true }, `${status}`)
  }
})

t.test('after a HEAD: closed unannounced, closed announced, given up, and a body that does not belong', async t => {
  const after = async (head: (connection: BackendConnection) => void): Promise<ProbeReport> => await probed(t, (request, connection) => {
    if (request.method === 'HEAD') head(connection)
    else answer(request, connection)
  }, { maxWait: 300 })
  const silent = await after(connection => {
    connection.reply()
    connection.end()
  })
  t.match(silent, { persistent: true, headReuses: false })
  t.same(phrases(silent), [LIES.head])
  t.match(await after(connection => {
    connection.reply({ headers: { Connection: 'close' } })
    connection.end()
  }), { persistent: true, headReuses: false, lies: [] })
  // undici closes a connection after an answer to HEAD without a length; the server keeps it.
  t.match(await after(connection => connection.write('HTTP/1.1 200 OK\r\n\r\n')), { persistent: true, headReuses: true, lies: [] })
  t.match(await after(connection => connection.write('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n')), { headReuses: true, lies: [] })
  t.match(await after(connection => connection.write('HTTP/1.0 200 OK\r\n\r\n')), { headReuses: false, lies: [] })
  t.match(await after(connection => connection.reset()), { headReuses: null, lies: [] })
  const body = await after(connection => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'))
  t.match(body, { persistent: true, headReuses: false })
  t.same(phrases(body), [LIES.headBody])
  const late = await after(connection => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
    setTimeout(() => connection.write('hello'), 10)
  })
  t.match(late, { headReuses: false })
  t.same(phrases(late), [LIES.headBody])
})

t.test('a HEAD has the headers and the target of all other requests', async t => {
  const seen: string[][] = []
  await probed(t, (request, connection) => {
    if (request.method === 'HEAD') seen.push([request.path, request.header('host') ?? '', request.header('x-tenant') ?? ''])
    answer(request, connection)
  }, { maxWait: 300, headers: ['X-Tenant', 'caf\xe9', 'Host', 'users.internal'] })
  t.same(seen, [['/path?query', 'users.internal', 'caf\xe9']])
})

t.test('a refused POST is no evidence about POSTs that are served', async t => {
  for (const closes of [false, true]) {
    const report = await probed(t, (request, connection) => {
      answer(request, connection, request.method === 'POST' ? { status: 405, ...closes ? { headers: { Connection: 'close' } } : {} } : {})
      if (request.method === 'POST' && closes) connection.end()
    }, { maxWait: 300, post: '/none' })
    t.match(report, { persistent: true, postReuses: null, lies: [] })
  }
})

t.test('a POST is sent where one was asked for, to its path, and nowhere else', async t => {
  const seen: string[] = []
  const script: BackendScript = (request, connection) => {
    seen.push(`${request.method} ${request.path}`)
    answer(request, connection)
    if (request.method === 'POST') connection.end()
  }
  t.match(await probed(t, script, { maxWait: 300 }), { postReuses: null })
  t.notOk(seen.some(line => line.startsWith('POST')))
  const report = await probed(t, script, { maxWait: 300, post: '/orders?try' })
  t.match(report, { postReuses: false })
  t.same(phrases(report), [LIES.post])
  t.same(seen.filter(line => line.startsWith('POST')), ['POST /orders?try'])
  t.ok(seen.includes('GET /path?query'))
  t.match(await probed(t, persistent(), { maxWait: 300, post: '/' }), { postReuses: true })
})

t.test('headers that are given are sent with every request', async t => {
  const missing: string[] = []
  await probed(t, (request, connection) => {
    if (request.header('x-tenant') !== 'a b' || request.header('host') !== 'users.internal') missing.push(request.method)
    answer(request, connection)
  }, { maxWait: 300, headers: ['X-Tenant', 'a b', 'Host', 'users.internal'] })
  t.same(missing, [])
})

t.test('the probe sends the given number of requests, and uses every connection', async t => {
  const backend = await startBackend(idleCloser({ idleMs: 400, how: 'fin' }))
  t.teardown(() => backend.close())
  await probe(new URL(backend.url), { maxWait: 10_000, connections: 4, requests: 50 })
  t.equal(Math.max(...backend.connections.map(({ requests }) => requests)), 50)
  t.notOk(backend.connections.some(({ requests }) => requests === 0))
  // Connections for the first answer, the count, the HEAD and compression, and the idle ones.
  t.equal(backend.accepted, 8)
  await backend.waitFor(({ open }) => open === 0)
})
