import t from 'tap'
import type { Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import type { BackendScript } from '../../testing/backend.js'
import type { RawClient } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const LIMIT = 300
// Late by a busy machine, and still far from the defaults.
const LATEST = LIMIT + 5_000

type Tap = Test

async function between (t: Tap, script: BackendScript, options: Partial<ProxyOptions> = {}) {
  const backend = await backendFor(t, script)
  const gateway = await gatewayFor(t, { routes: [{ upstream: backend.url, ...options }] })
  return { backend, gateway, client: await clientFor(t, gateway) }
}

async function timed<T> (what: Promise<T>): Promise<{ value: T, ms: number }> {
  const began = performance.now()
  const value = await what
  return { value, ms: performance.now() - began }
}

const inTime = (t: Tap, ms: number): void => {
  t.ok(ms >= LIMIT - 50 && ms < LATEST, `after ${Math.round(ms)} ms`)
}

t.test('a response whose head does not come is 504, and its connection is freed', async t => {
  const { backend, client } = await between(t, () => {}, { undiciOptions: { headersTimeout: LIMIT } })
  client.write(GET)
  const { value, ms } = await timed(client.response())
  t.equal(value.status, 504)
  t.match(value.body.toString(), 'HOLDFAST_ERR_HEADERS_TIMEOUT')
  inTime(t, ms)
  await backend.waitFor(b => b.open === 0)
})

t.test('interim responses do not put the deadline off', async t => {
  const { client } = await between(t, (_request, connection) => {
    const timer = setInterval(() => connection.write('HTTP/1.1 102 Processing\r\n\r\n'), 50)
    connection.socket.once('close', () => clearInterval(timer))
  }, { undiciOptions: { headersTimeout: LIMIT } })
  client.write(GET)
  const { value, ms } = await timed(client.response())
  t.equal(value.status, 504)
  inTime(t, ms)
})

t.test('a body that stops cuts the client off, and its connection is freed', async t => {
  const { backend, client } = await between(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
  }, { undiciOptions: { bodyTimeout: LIMIT } })
  client.write(GET)
  const { value, ms } = await timed(client.response())
  t.equal(value.status, 200)
  t.notOk(value.complete)
  inTime(t, ms)
  await backend.waitFor(b => b.open === 0)
})

t.test('an event stream may be silent for longer', async t => {
  const { client } = await between(t, async (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n')
    // Past the time at which another body would be cut.
    await new Promise(resolve => setTimeout(resolve, LATEST))
    connection.write('6\r\ndata:1\r\n0\r\n\r\n')
  }, { undiciOptions: { bodyTimeout: LIMIT } })
  client.write(GET)
  const response = await client.response()
  t.ok(response.complete)
  t.equal(response.body.toString(), 'data:1')
})

t.test('an upload that its backend does not read is abandoned', async t => {
  const { gateway, client } = await between(t, { onHead: (_head, connection) => { connection.socket.pause() }, onRequest: () => {} }, { undiciOptions: { bodyTimeout: LIMIT } })
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 50000000\r\n\r\n')
  // More than all buffers on the way hold.
  feed(client, Buffer.alloc(1_000_000, 'x'), 50)
  const { value } = await timed(client.response())
  t.equal(value.status, 504)
  t.match(value.body.toString(), 'HOLDFAST_ERR_BODY_TIMEOUT')
  const { connections, totals } = gateway.target.snapshot()
  t.equal(connections.active, 0)
  t.strictSame(totals.closed, { timeout: 1 })
})

function feed (client: RawClient, chunk: Buffer, times: number): void {
  if (times === 0 || client.socket.destroyed) return
  client.socket.write(chunk, () => feed(client, chunk, times - 1))
}

t.test('a client that stops reading is cut, and the backend connection is freed', async t => {
  const { backend, client } = await between(t, (_request, connection) => {
    connection.reply({ headers: { 'content-type': 'a/b' }, body: Buffer.alloc(50_000_000, 'x') })
  }, { undiciOptions: { bodyTimeout: LIMIT } })
  client.write(GET)
  client.socket.pause()
  await backend.waitFor(b => b.accepted === 1 && b.open === 0, LATEST + 2_000)
  t.equal(backend.accepted, 1)
})

t.test('a slow client that goes on reading is not cut', async t => {
  const limit = 2 * LIMIT
  const { client } = await between(t, (_request, connection) => {
    connection.reply({ headers: { 'content-type': 'a/b' }, body: Buffer.alloc(8_000_000, 'x') })
  }, { undiciOptions: { bodyTimeout: limit } })
  client.write(GET)
  const reading = client.response()
  // Reads a piece, pauses for half of the limit, and so on.
  let rests = 0
  const timer = setInterval(() => {
    if (++rests > 4) return clearInterval(timer)
    client.socket.pause()
    setImmediate(() => setTimeout(() => client.socket.resume(), limit / 2))
  }, limit / 2 + 20)
  t.teardown(() => clearInterval(timer))
  t.ok((await reading).complete)
})

t.test('103 is relayed only with earlyHints, and only to HTTP/1.1 clients', async t => {
  const script: BackendScript = (_request, connection) => {
    connection.write('HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n')
    connection.reply({ body: 'x' })
  }
  const asked = await between(t, script, { earlyHints: true })
  asked.client.write(GET)
  const hint = await asked.client.response()
  t.equal(hint.status, 103)
  t.equal(hint.header('link'), '</style.css>; rel=preload')
  t.equal((await asked.client.response()).status, 200)
  asked.client.write('GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n')
  t.equal((await asked.client.response()).status, 200, 'HTTP/1.0')
  const silent = await between(t, script)
  silent.client.write(GET)
  t.equal((await silent.client.response()).status, 200, 'not asked for')
})
