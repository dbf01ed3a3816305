import t from 'tap'
import { HoldfastError, type ErrorCode } from '../../src/errors.js'
import { probe, type ProbeOptions, type ProbeReport } from '../../src/probe/probe.js'
import { answer } from '../../testing/answer.js'
import { type Backend, type BackendConnection, type BackendScript, startBackend } from '../../testing/backend.js'

t.jobs = 4

interface Teardown { teardown (fn: () => unknown): void }

async function backendFor (t: Teardown, script: BackendScript): Promise<Backend> {
  const backend = await startBackend(script)
  t.teardown(() => backend.close())
  return backend
}

const QUICK: ProbeOptions = { maxWait: 400, connections: 1, requests: 5, answerTimeout: 300 }

async function codeOf (probing: Promise<ProbeReport>): Promise<ErrorCode | undefined> {
  try {
    await probing
    return undefined
  } catch (error) {
    if (error instanceof HoldfastError) return error.code
    throw error
  }
}

/** Writes the same bytes for as long as the other side reads. */
function forEver (connection: BackendConnection, head: string, piece: string): void {
  connection.write(head)
  const timer = setInterval(() => connection.write(piece), 5)
  connection.socket.once('close', () => clearInterval(timer))
}

const failing: Record<string, { script: (connection: BackendConnection) => void, code: ErrorCode }> = {
  'never answers': { script: () => {}, code: 'HOLDFAST_ERR_HEADERS_TIMEOUT' },
  'sends 1xx for ever': { script: connection => forEver(connection, '', 'HTTP/1.1 102 Processing\r\n\r\n'), code: 'HOLDFAST_ERR_HEADERS_TIMEOUT' },
  'never finishes its head': { script: connection => forEver(connection, 'HTTP/1.1 200 OK\r\n', 'X: y\r\n'), code: 'HOLDFAST_ERR_HEADERS_TIMEOUT' },
  'sends headers without end': { script: connection => forEver(connection, 'HTTP/1.1 200 OK\r\n', `X: ${'y'.repeat(8_000)}\r\n`), code: 'HOLDFAST_ERR_INVALID_RESPONSE' },
  'never finishes its body': { script: connection => forEver(connection, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'), code: 'HOLDFAST_ERR_BODY_TIMEOUT' },
  'sends a body without end': {
    script: connection => forEver(connection, 'HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(1_000_000)), code: 'HOLDFAST_ERR_RESPONSE_TOO_LARGE'
  },
  'speaks something else': { script: connection => connection.write('220 mail.example ESMTP\r\n'), code: 'HOLDFAST_ERR_INVALID_RESPONSE' },
  'sends an endless event stream': { script: connection => forEver(connection, 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n', 'data: x\n\n'), code: 'HOLDFAST_ERR_BODY_TIMEOUT' },
  'upgrades unasked': { script: connection => connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'), code: 'HOLDFAST_ERR_INVALID_RESPONSE' },
  'closes without an answer': { script: connection => connection.end(), code: 'HOLDFAST_ERR_CONNECTION_LOST' },
  'resets without an answer': { script: connection => connection.reset(), code: 'HOLDFAST_ERR_CONNECTION_LOST' },
  'cuts its answer short': {
    script: connection => {
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort')
      connection.end()
    },
    code: 'HOLDFAST_ERR_CONNECTION_LOST'
  }
}

for (const [name, { script, code }] of Object.entries(failing)) {
  t.test(`a backend that ${name}: ${code}, and nothing is left open`, async t => {
    const backend = await backendFor(t, (_request, connection) => script(connection))
    t.equal(await codeOf(probe(new URL(backend.url), { ...QUICK, answerTimeout: name.includes('body without') ? 5_000 : 300 })), code)
    await backend.waitFor(({ open }) => open === 0)
  })
}

t.test('a port without a listener, and a name that does not resolve', async t => {
  const backend = await backendFor(t, () => {})
  const url = new URL(backend.url)
  await backend.close()
  t.equal(await codeOf(probe(url, QUICK)), 'HOLDFAST_ERR_CONNECT')
  t.equal(await codeOf(probe(new URL('http://no-such-host.invalid/'), QUICK)), 'HOLDFAST_ERR_UNRESOLVABLE')
})

t.test('a failure after the first answer leaves values unknown, and does not fail the probe', async t => {
  const scripts: BackendScript[] = [
    // The first connection is kept; all others get garbage.
    (request, connection) => connection.id === 1 ? answer(request, connection) : connection.write('garbage\r\n\r\n'),
    (request, connection) => { if (connection.id === 1) answer(request, connection) },
    (request, connection) => connection.id === 1 ? answer(request, connection) : connection.reset()
  ]
  for (const script of scripts) {
    const backend = await backendFor(t, script)
    // Long enough for the first answer on a busy machine.
    const measured = await probe(new URL(backend.url), { ...QUICK, answerTimeout: 1_500 })
    t.match(measured, { persistent: true, idleTimeoutMs: null, requestsPerConnection: null, headReuses: null })
  }
})

t.test('a backend that stops listening after its first answer', async t => {
  const backend = await backendFor(t, (request, connection) => {
    backend.refuse()
    answer(request, connection)
  })
  t.match(await probe(new URL(backend.url), QUICK), { persistent: true, idleTimeoutMs: null, requestsPerConnection: null, headReuses: null })
})

t.test('an answer in odd pieces, with trailers and without a reason, is accepted', async t => {
  const backend = await backendFor(t, (request, connection) => {
    const head = 'HTTP/1.1 299 \r\nTransfer-Encoding: chunked\r\nKeep-Alive: max=x, timeout="5"\r\nConnection: KEEP-ALIVE\r\n\r\n'
    connection.write(request.method === 'HEAD' ? head : `${head}5\r\nhello\r\n0\r\nTrailer-Field: x\r\n\r\n`)
  })
  t.match(await probe(new URL(backend.url), QUICK), { persistent: true, hint: { timeoutMs: 5_000, max: null }, headReuses: true })
})

t.test('an interrupted probe reports what is known, and closes everything', async t => {
  const backend = await backendFor(t, (request, connection) => answer(request, connection, { headers: { 'Keep-Alive': 'timeout=70' } }))
  const controller = new AbortController()
  const probing = probe(new URL(backend.url), { maxWait: 60_000, connections: 3, requests: 10, signal: controller.signal })
  // By then the connections for the first answer, the count, the HEAD and compression are closed.
  await backend.waitFor(({ accepted, open }) => accepted === 7 && open === 3)
  controller.abort()
  t.match(await probing, { persistent: true, idleTimeoutMs: null, closesBy: null, hint: { timeoutMs: 70_000 }, headReuses: true, lies: [] })
  await backend.waitFor(({ open }) => open === 0)
})

t.test('a probe that is interrupted before its first answer reports nothing as known', async t => {
  const backend = await backendFor(t, () => {})
  const already = await probe(new URL(backend.url), { maxWait: 60_000, signal: AbortSignal.abort() })
  t.match(already, { httpVersion: null, persistent: null, connectMs: null })
  t.equal(backend.accepted, 0)
  const controller = new AbortController()
  const probing = probe(new URL(backend.url), { maxWait: 60_000, signal: controller.signal })
  await backend.waitFor(({ requests }) => requests === 1)
  controller.abort()
  t.match(await probing, { httpVersion: null, persistent: null, recommended: { undiciOptions: {}, pool: {} } })
})

t.test('a probe that is interrupted after its first answer does not take its own close for the backend\'s', async t => {
  const controller = new AbortController()
  const backend = await backendFor(t, (request, connection) => {
    answer(request, connection)
    setTimeout(() => controller.abort(), 30)
  })
  t.match(await probe(new URL(backend.url), { maxWait: 60_000, signal: controller.signal }), { persistent: null })
})
