import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { ClientBody } from '../../src/forward/client-body.js'
import type { CollectedBody } from '../../src/forward/client-body.js'
import { HeldBody } from '../../src/wire/held-body.js'
import type { ProxyOptions } from '../../src/index.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import type { RawClient } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

const echo: BackendScript = ({ method, body, header }, connection) => connection.reply({
  body: JSON.stringify({ method, body: body.toString(), length: header('content-length'), coding: header('transfer-encoding'), expect: header('expect') })
})

async function between (t: Test, route: ProxyOptions, script = echo): Promise<RunningGateway & { backend: Backend, client: RawClient }> {
  const backend = await backendFor(t, script, { log: true })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, ...route }] })
  return Object.assign(running, { backend, client: await clientFor(t, running) })
}

const post = (fields: string, rest = ''): string => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${rest}`
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
const LAST = '0\r\n\r\n'
const LIMIT = { retry: { replayLimit: 10 } }

t.test('a body that is held whole is sent with Content-Length, however it came', async t => {
  const { client } = await between(t, LIMIT)
  for (const bytes of [post('Content-Length: 5', 'hello'), post('Transfer-Encoding: chunked', chunk('hel') + chunk('lo') + LAST)]) {
    client.write(bytes)
    t.match(JSON.parse((await client.response()).body.toString()), { body: 'hello', length: '5', coding: undefined })
  }
})

t.test('a body that comes in pieces is forwarded unchanged for any method, and its connection is reused', async t => {
  const { client, backend } = await between(t, {})
  for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS']) {
    for (const sizes of [[1, 1], [1, 65_000], [65_000, 1], [30_000, 2, 30_000, 5], Array.from({ length: 500 }, (_, n) => 1 + n % 100)]) {
      const pieces = sizes.map((size, n) => String.fromCharCode(97 + n % 26).repeat(size))
      const body = pieces.join('')
      client.write(post('Transfer-Encoding: chunked', pieces.map(chunk).join('') + LAST).replace('POST', method))
      t.strictSame(JSON.parse((await client.response()).body.toString()), { method, body, length: String(body.length) }, `${method} of ${sizes.length} pieces`)
    }
  }
  t.equal(backend.accepted, 1)
})

t.test('small pieces of a body are joined into one write, also if the app reads it as text', async t => {
  const collect = (pieces: Array<Buffer | string>): Promise<CollectedBody | undefined> => new Promise((resolve, reject) => {
    const source = Readable.from(pieces)
    const terms = { length: undefined, replayLimit: 65_536, bodyLimit: 0, timeout: 0, minRate: 0, isBrokenOff: () => false, multiplexed: false }
    const body = new ClientBody(source, terms, { collected: resolve, bodyFailed: reject })
    t.teardown(() => body.release())
    body.start()
  })
  t.same(await collect(Array.from({ length: 10_000 }, () => Buffer.from('x'))), Buffer.from('x'.repeat(10_000)))
  t.ok(await collect(Array.from({ length: 10 }, () => Buffer.alloc(4_096))) instanceof HeldBody)
  t.same(await collect(['\u00e9', 'ab', 'x']), Buffer.from('\u00e9abx'))
  t.same(await collect([]), Buffer.alloc(0))
})

t.test('a body over the limit streams, as it came', async t => {
  const { client } = await between(t, LIMIT)
  const body = 'x'.repeat(300_000)
  client.write(post(`Content-Length: ${body.length}`, body))
  t.strictSame(JSON.parse((await client.response()).body.toString()), { method: 'POST', body, length: String(body.length) })
  client.write(post('Transfer-Encoding: chunked', chunk(body) + LAST))
  t.strictSame(JSON.parse((await client.response()).body.toString()), { method: 'POST', body, coding: 'chunked' })
})

t.test('a trickling uploader holds no connection', async t => {
  const { client, target, backend } = await between(t, { retry: { replayLimit: 1_000 } })
  client.write(post('Content-Length: 10', 'hello'))
  const other = await clientFor(t, { port: client.socket.remotePort ?? 0 })
  other.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal((await other.response()).status, 200)
  t.match(target.snapshot().connections, { active: 0, connecting: 0, pending: 0 })
  t.equal(backend.requests, 1)
  client.write('hello')
  t.match(JSON.parse((await client.response()).body.toString()), { body: 'hellohello' })
  t.equal(backend.accepted, 1)
})

t.test('a body that does not come in time is a 408, whether the backend has a part of it or not', async t => {
  // The last piece came after a pause, and has reached the backend.
  for (const [start, accepted] of [[post('Content-Length: 10', 'hello'), 0], [post('Transfer-Encoding: chunked', chunk('hello')), 1]] as const) {
    const { client, backend } = await between(t, { clientBodyTimeout: 100 })
    client.write(start)
    const response = await client.response()
    t.equal(response.status, 408)
    t.equal(response.header('connection'), 'close')
    t.match(JSON.parse(response.body.toString()), { code: 'HOLDFAST_ERR_CLIENT_BODY_TIMEOUT' })
    t.equal(await client.ended, 'fin')
    t.equal(backend.accepted, accepted)
  }
})

t.test('many small pieces do not put off the deadline', async t => {
  const { client, backend } = await between(t, { clientBodyTimeout: 150 })
  client.write(post('Content-Length: 1000'))
  const timer = setInterval(() => client.write('x'), 20)
  t.teardown(() => clearInterval(timer))
  t.equal((await client.response()).status, 408)
  t.equal(backend.accepted, 0)
})

t.test('a streamed body that stalls is a 408, and frees the connection', async t => {
  const { client, backend, target } = await between(t, { clientBodyTimeout: 100, ...LIMIT })
  client.write(post('Content-Length: 1000', 'x'.repeat(50)))
  t.equal((await client.response()).status, 408)
  await client.ended
  await backend.waitFor(({ accepted, open }) => accepted === 1 && open === 0)
  t.equal(target.snapshot().connections.active, 0)
  t.equal(backend.requests, 0)
})

t.test('a body above bodyLimit is a 413, before a connection is acquired if its length is declared', async t => {
  const { client, backend } = await between(t, { bodyLimit: 20, ...LIMIT })
  client.write(post('Content-Length: 20', 'x'.repeat(20)))
  t.equal((await client.response()).status, 200, 'the limit itself is allowed')
  const { accepted, requests } = backend
  client.write(post('Content-Length: 21', 'x'.repeat(21)))
  const response = await client.response()
  t.equal(response.status, 413)
  t.match(JSON.parse(response.body.toString()), { code: 'HOLDFAST_ERR_BODY_LIMIT' })
  t.strictSame({ accepted: backend.accepted, requests: backend.requests }, { accepted, requests })
})

t.test('a chunked body is a 413 when it exceeds bodyLimit', async t => {
  for (const replayLimit of [10, 1_000]) {
    const { client, backend, target } = await between(t, { bodyLimit: 20, retry: { replayLimit } })
    client.write(post('Transfer-Encoding: chunked', chunk('x'.repeat(15))))
    if (replayLimit === 10) await backend.waitFor(({ accepted }) => accepted === 1)
    client.write(chunk('x'.repeat(15)))
    t.equal((await client.response()).status, 413)
    await until(() => target.snapshot().connections.active === 0)
    t.equal(backend.requests, 0, 'no backend got a whole request')
  }
})

t.test('a GET may have a body', async t => {
  const { client, backend } = await between(t, {})
  const inner = 'GET /inner HTTP/1.1\r\nHost: b\r\n\r\n'
  client.write(`GET /outer HTTP/1.1\r\nHost: a\r\nContent-Length: ${inner.length}\r\nContent-Type: application/json\r\n\r\n${inner}`)
  t.match(JSON.parse((await client.response()).body.toString()), { method: 'GET', body: inner, length: String(inner.length) })
  t.strictSame(backend.log.map(({ path }) => path), ['/outer'], 'what it holds is no request')
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(JSON.parse((await client.response()).body.toString()), { method: 'GET', body: '' })
})

t.test('a client that waits for 100 gets it, and the backend gets no Expect', async t => {
  const { client } = await between(t, {})
  client.write(post('Content-Length: 5\r\nExpect: 100-continue'))
  t.equal((await client.response()).status, 100)
  client.write('hello')
  const { body } = await client.response()
  t.strictSame(JSON.parse(body.toString()), { method: 'POST', body: 'hello', length: '5' })
})

t.test('a body of any media type streams unchanged', async t => {
  const { client } = await between(t, LIMIT)
  const body = '{ "a" : 1 }, not JSON at all'
  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream', 'multipart/form-data; boundary=x', 'image/png']) {
    client.write(post(`Content-Type: ${type}\r\nContent-Length: ${body.length}`, body))
    t.match(JSON.parse((await client.response()).body.toString()), { body }, type)
  }
})

t.test('a response that comes before the upload is done is relayed, and both connections end', async t => {
  const { client, backend } = await between(t, LIMIT, {
    onHead: (_head, connection) => connection.reply({ status: 403, body: 'no' }),
    onRequest: () => {}
  })
  client.write(post('Content-Length: 1000000', 'x'.repeat(1_000)))
  const response = await client.response()
  t.equal(response.status, 403)
  t.equal(response.body.toString(), 'no')
  t.equal(response.header('connection'), 'close')
  await client.ended
  await backend.waitFor(({ open }) => open === 0)
})
