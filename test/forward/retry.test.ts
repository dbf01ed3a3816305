import { connect } from 'node:net'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { ConnectFunction, ProxyOptions } from '../../src/index.js'
import type { Backend, RequestScript } from '../../testing/backend.js'
import { answer } from '../../testing/answer.js'
import { persistent } from '../../testing/behaviours.js'
import { type RequestInput, request } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

async function between (t: Test, script: RequestScript, route: ProxyOptions = {}): Promise<RunningGateway & { backend: Backend }> {
  const backend = await backendFor(t, script, { log: true })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, ...route }] })
  return Object.assign(running, { backend })
}

/** Ends a connection on its second request without an answer, like a keep-alive timeout that meets a request. */
const stale = (how: 'fin' | 'rst'): RequestScript => (request, connection) => {
  if (request.nth === 1) answer(request, connection)
  else if (how === 'fin') connection.end()
  else connection.reset()
}

const BOTH = ['fin', 'rst'] as const

t.test('a request that is safe to repeat is sent again on a fresh connection if a reused one is stale', async t => {
  const safe: [title: string, input: RequestInput][] = [
    ['GET', {}],
    ['HEAD', { method: 'HEAD' }],
    ['DELETE', { method: 'DELETE' }],
    ['PUT with a body', { method: 'PUT', body: 'the same again' }],
    ['POST with an Idempotency-Key', { method: 'POST', body: 'the same again', headers: { 'idempotency-key': '1' } }]
  ]
  for (const how of BOTH) {
    for (const [title, input] of safe) {
      const { url, target, backend } = await between(t, stale(how))
      await request(url)
      t.equal((await request(url, input)).status, 200, `${title}, ${how}`)
      t.strictSame(target.snapshot().totals.retries, { stale: 1 })
      t.strictSame(backend.log.map(({ nth }) => nth), [1, 2, 1], 'the last one on a connection of its own')
      const [, first, second] = backend.log.map(({ method, path, body }) => ({ method, path, body: body.toString() }))
      t.strictSame(second, first, 'the same request')
    }
  }
})

t.test('a body that came in pieces is sent again whole', async t => {
  const pieces = ['one', 'two'.repeat(10_000), 'three']
  for (const how of BOTH) {
    const { url, port, backend } = await between(t, stale(how))
    await request(url)
    const client = await clientFor(t, { port })
    client.write(`PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${pieces.map(piece => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`)
    t.equal((await client.response()).status, 200)
    t.strictSame(backend.log.map(({ nth, body }) => [nth, body.toString()]), [[1, ''], [2, pieces.join('')], [1, pieces.join('')]])
  }
})

t.test('a request that may have been executed is not sent again', async t => {
  const unsafe: [title: string, input: RequestInput, route?: ProxyOptions][] = [
    ['POST', { method: 'POST', body: 'x' }],
    ['POST without a body', { method: 'POST' }],
    ['PATCH', { method: 'PATCH', body: 'x' }],
    ['PUT with more than is held', { method: 'PUT', body: 'x'.repeat(50) }, { retry: { replayLimit: 10 } }],
    ['GET where nobody wants it', {}, { retry: { stale: false } }]
  ]
  for (const how of BOTH) {
    for (const [title, input, route] of unsafe) {
      const { url, target, backend } = await between(t, stale(how), route)
      await request(url)
      const { status, body } = await request(url, input)
      t.equal(status, 502, `${title}, ${how}`)
      t.match(JSON.parse(body.toString()), { code: 'HOLDFAST_ERR_CONNECTION_LOST' })
      t.strictSame(target.snapshot().totals.retries, {})
      t.equal(backend.requests, 2)
    }
  }
})

t.test('a request is sent again at most once', async t => {
  let died = 0
  const { url, target, backend } = await between(t, (request, connection) => {
    if (request.nth === 1 && connection.id === 1) return answer(request, connection)
    died++
    connection.end()
  })
  await request(url)
  t.equal((await request(url)).status, 502)
  t.equal(died, 2)
  t.equal(backend.requests, 3)
  t.strictSame(target.snapshot().totals.retries, { stale: 1 })
})

t.test('a request is not sent again after a byte of an answer has come', async t => {
  for (const bytes of ['HTTP/1.1 2', 'HTTP/1.1 200 OK\r\nContent-Le', 'HTTP/1.1 103 Early Hints\r\n\r\n']) {
    const { url, target, backend } = await between(t, (request, connection) => {
      if (request.nth === 1) return answer(request, connection)
      connection.write(bytes)
      connection.end()
    })
    await request(url)
    t.equal((await request(url)).status, 502, JSON.stringify(bytes))
    t.equal(backend.requests, 2)
    t.strictSame(target.snapshot().totals.retries, {})
  }
})

t.test('no status code makes the gateway send a request again', async t => {
  for (const status of [408, 429, 500, 502, 503, 504]) {
    const { url, backend } = await between(t, (_request, connection) => connection.reply({ status, headers: { 'Retry-After': '0' } }))
    await request(url)
    t.equal((await request(url)).status, status)
    t.equal(backend.requests, 2)
  }
})

t.test('a request that was never written is sent again, whatever its method', async t => {
  const sockets: Socket[] = []
  const dial: ConnectFunction = ({ hostname, port }, callback) => {
    const socket = connect({ host: hostname, port: Number(port) })
    sockets.push(socket)
    socket.once('error', error => callback(error, null)).once('connect', () => callback(null, socket))
  }
  const { url, gateway, target, backend } = await between(t, persistent(), { undiciOptions: { connect: dial } })
  await request(url)
  // The connection fails after it was acquired and before the request is written.
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  const stop = gateway.observe({ acquired: ({ served }) => { if (served > 0) sockets[0]?.destroy(reset) } })
  const { status, body } = await request(url, { method: 'POST', body: 'x', headers: { 'x-id': 'a' } })
  stop()
  t.equal(status, 200)
  t.match(JSON.parse(body.toString()), { id: 'a', nth: 1 })
  t.strictSame(target.snapshot().totals.retries, { unwritten: 1 })
  t.equal(backend.requests, 2, 'it was carried out once')
})

t.test('after one stale connection, those that were idle for at least as long are not tried', async t => {
  const waiting: (() => void)[] = []
  const { url, target, backend } = await between(t, async (request, connection) => {
    if (request.path === '/together') {
      await new Promise<void>(resolve => {
        if (waiting.push(resolve) === 4) for (const go of waiting) go()
      })
    }
    await stale('fin')(request, connection)
  })
  await Promise.all(Array.from({ length: 4 }, () => request(`${url}/together`)))
  await until(() => target.snapshot().connections.idle === 4)
  t.equal((await request(url)).status, 200)
  t.match(target.snapshot().totals, { retries: { stale: 1 }, closed: { stale_suspect: 3 } })
  await backend.waitFor(({ open }) => open === 1)
})

t.test('a 408 on an unused connection does not answer a request that can be repeated', async t => {
  for (const method of ['GET', 'POST']) {
    let release = (): void => {}
    let dialled = (): void => {}
    let dials = 0
    const holdSecondDial: ConnectFunction = ({ hostname, port }, callback) => {
      const second = ++dials === 2
      const socket = connect({ host: hostname, port: Number(port) })
      socket.once('error', error => callback(error, null)).once('connect', () => {
        if (second) dialled = () => callback(null, socket)
        else callback(null, socket)
      })
    }
    const backend = await backendFor(t, async (request, connection) => {
      if (request.path === '/first') await new Promise<void>(resolve => { release = resolve })
      if (connection.id === 2) {
        connection.reply({ status: 408, headers: { Connection: 'close' } })
        connection.end()
      } else {
        answer(request, connection)
      }
    })
    const { url, target } = await gatewayFor(t, { routes: [{ upstream: backend.url, undiciOptions: { connect: holdSecondDial } }] })
    const first = request(`${url}/first`)
    await backend.waitFor(({ requests }) => requests === 1)
    const second = request(url)
    await backend.waitFor(({ accepted }) => accepted === 2)
    release()
    await Promise.all([first, second])
    dialled()
    await until(() => target.snapshot().connections.idle === 2)
    const { status } = await request(url, { method, body: method === 'POST' ? 'x' : '' })
    t.equal(status, method === 'GET' ? 200 : 408, method)
    t.strictSame(target.snapshot().totals.retries, method === 'GET' ? { unused_timeout: 1 } : {})
  }
})

t.test('a refused dial is tried again for a while, whatever the method', async t => {
  const { url, target, backend } = await between(t, persistent(), { pool: { connectRetry: 5_000 } })
  backend.refuse()
  const posted = request(url, { method: 'POST', body: 'x' })
  await until(() => (target.snapshot().totals.retries['connect'] ?? 0) > 0)
  await backend.listen()
  t.equal((await posted).status, 200)
  t.equal(backend.requests, 1)
})
