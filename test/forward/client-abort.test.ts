import t, { type Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

const A_SECOND = 1_000
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

async function between (t: Test, script: BackendScript, route: ProxyOptions = {}): Promise<RunningGateway & { backend: Backend }> {
  const backend = await backendFor(t, script)
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, ...route }] })
  return Object.assign(running, { backend })
}

t.test('a client that leaves before the answer frees the backend\'s connection', async t => {
  const { backend, target, port, log } = await between(t, () => {})
  for (const how of ['fin', 'rst'] as const) {
    const client = await clientFor(t, { port })
    client.write(GET)
    const { requests } = backend
    await backend.waitFor(backend => backend.requests > requests)
    if (how === 'fin') client.socket.end()
    else client.destroy()
    await backend.waitFor(({ open }) => open === 0, A_SECOND)
    t.equal(target.snapshot().connections.active, 0, how)
  }
  t.strictSame(target.snapshot().totals.closed, { client_gone: 2 })
  t.strictSame(log.filter(({ level }) => level >= 50), [], 'which is no error of ours')
})

t.test('a client that leaves in the middle of a response body frees the backend\'s connection', async t => {
  const { backend, target, port } = await between(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello'))
  const client = await clientFor(t, { port })
  client.write(GET)
  await new Promise(resolve => client.socket.once('data', resolve))
  client.destroy()
  await backend.waitFor(({ open }) => open === 0, A_SECOND)
  t.match(target.snapshot(), { connections: { active: 0 }, totals: { closed: { client_gone: 1 } } })
})

t.test('a client that leaves in the middle of its upload frees the backend\'s connection', async t => {
  const { backend, target, port } = await between(t, persistent(), { retry: { replayLimit: 10 } })
  const client = await clientFor(t, { port })
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(100)}`)
  await backend.waitFor(({ accepted }) => accepted === 1)
  await until(() => target.snapshot().connections.active === 1)
  client.destroy()
  await backend.waitFor(({ open }) => open === 0, A_SECOND)
  t.equal(target.snapshot().connections.active, 0)
  t.equal(backend.requests, 0)
})

t.test('a client that leaves while its body is collected leaves nothing behind', async t => {
  const { backend, target, port, url } = await between(t, persistent())
  const client = await clientFor(t, { port })
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhello')
  t.equal((await request(url)).status, 200)
  client.destroy()
  t.equal((await request(url)).status, 200)
  t.match(target.snapshot(), { connections: { active: 0, pending: 0 }, totals: { requests: 2 } })
  t.equal(backend.requests, 2)
})

t.test('a queued request leaves the queue when its client leaves', async t => {
  const release: (() => void)[] = []
  const { backend, target, port, url } = await between(t, ({ path }, connection) => new Promise<void>(resolve => {
    release.push(() => {
      connection.reply({ body: path })
      resolve()
    })
  }), { undiciOptions: { connections: 1 } })
  const first = request(`${url}/first`)
  await backend.waitFor(() => release.length === 1)
  const client = await clientFor(t, { port })
  client.write('GET /left HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => target.snapshot().connections.pending === 1)
  const last = request(`${url}/last`)
  await until(() => target.snapshot().connections.pending === 2)
  client.destroy()
  await until(() => target.snapshot().connections.pending === 1)
  release[0]?.()
  t.equal((await first).body.toString(), '/first')
  await backend.waitFor(() => release.length === 2)
  release[1]?.()
  t.equal((await last).body.toString(), '/last')
  t.equal(backend.requests, 2, 'the backend never heard of the one that left')
  t.equal(backend.accepted, 1)
})

t.test('a client that leaves during a dial takes no connection from another request', async t => {
  const { backend, target, port, url } = await between(t, persistent(), { pool: { connectRetry: 10_000 } })
  backend.refuse()
  const client = await clientFor(t, { port })
  client.write(GET)
  await until(() => (target.snapshot().totals.retries['connect'] ?? 0) > 0)
  client.destroy()
  await until(() => target.snapshot().connections.pending + target.snapshot().connections.connecting === 0)
  await backend.listen()
  t.equal((await request(url)).status, 200)
  t.equal(backend.requests, 1)
})

t.test('a slow client slows its backend down, and gets everything in the end', async t => {
  const size = 48 * 1024 * 1024
  const { backend, target, port } = await between(t, (_request, connection) => {
    connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    // In pieces, to see which have not been sent yet.
    const piece = Buffer.alloc(65_536, 'x')
    for (let written = 0; written < size; written += piece.length) connection.write(piece)
  }, { responseBuffer: 65_536 })
  const client = await clientFor(t, { port })
  client.socket.pause()
  client.write(GET)
  await backend.waitFor(({ requests }) => requests === 1)
  // The buffers of the kernel and the gateway are full. No event says that no more follows.
  const unsent = (): number => backend.connections[0]?.socket.writableLength ?? 0
  let before = -1
  while (before !== unsent()) {
    before = unsent()
    await new Promise(resolve => setTimeout(resolve, 250))
  }
  t.ok(unsent() > size / 2, `${unsent()} of ${size} bytes wait in the backend`)
  t.equal(target.snapshot().connections.active, 1)
  client.socket.resume()
  const response = await client.response()
  t.equal(response.body.length, size)
  t.ok(response.complete)
  await until(() => target.snapshot().connections.idle === 1)
})

t.test('a response within responseBuffer frees its backend before a slow client has it', async t => {
  const size = 4 * 1024 * 1024
  const { target, port } = await between(t, (_request, connection) => connection.reply({ body: Buffer.alloc(size, 'x') }), { responseBuffer: 2 * size })
  const client = await clientFor(t, { port })
  client.socket.pause()
  client.write(GET)
  await until(() => target.snapshot().connections.idle === 1)
  client.socket.resume()
  t.equal((await client.response()).body.length, size)
})
