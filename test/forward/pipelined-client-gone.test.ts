import { connect } from 'node:net'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import type { Backend } from '../../testing/backend.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

/** More than the sockets and the gateway buffer. */
const FILE = Buffer.alloc(16_000_000, 'x')
const GET = 'GET /file HTTP/1.1\r\nHost: a\r\n\r\n'

async function setup (t: Test, route: Omit<ProxyOptions, 'upstream'> = {}): Promise<RunningGateway & { backend: Backend }> {
  const backend = await backendFor(t, ({ path }, connection) => connection.reply({ body: path === '/file' ? FILE : 'x' }))
  const running = await gatewayFor(t, {
    gateway: { undiciOptions: { connections: 16 } },
    routes: [{ upstream: backend.url, totalTimeout: 0, ...route }],
    before: app => {
      app.get('/own', async () => FILE.toString())
    }
  })
  return Object.assign(running, { backend })
}

/** A client that reads nothing. */
function unreadingClient (t: Test, port: number, text: string): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {}).pause()
  t.teardown(() => socket.destroy())
  socket.write(text)
  return socket
}

const active = ({ target }: RunningGateway): number => target.snapshot().connections.active

t.test('clients that pipeline requests for large files and leave free everything that was held for them', async t => {
  const running = await setup(t)
  const clients = Array.from({ length: 5 }, () => unreadingClient(t, running.port, GET.repeat(60)))
  await until(() => active(running) >= 5)
  // Each client has as many requests under way as it may.
  await running.backend.waitFor(({ requests }) => requests >= 10)
  t.ok(running.backend.requests <= 5 * 4 + 5, `${running.backend.requests} of 300 were asked for`)
  const began = performance.now()
  for (const client of clients) client.destroy()
  await until(() => active(running) === 0)
  t.ok(performance.now() - began < 1_000, 'within a second')
  t.equal((await request(`${running.url}/small`)).body.toString(), 'x')
})

t.test('a client that leaves behind two requests frees the second, without any time limit', async t => {
  const running = await setup(t)
  const client = unreadingClient(t, running.port, GET + GET)
  await running.backend.waitFor(({ requests }) => requests === 2)
  client.destroy()
  await until(() => active(running) === 0)
  t.pass()
})

t.test('a client that stays and does not read is cut at the client timeout, whatever is first on its connection', async t => {
  for (const [what, first] of [['a response of the backend', GET], ['one of the app', GET.replace('file', 'own')]] as const) {
    const running = await setup(t, { undiciOptions: { bodyTimeout: 300 } })
    const client = unreadingClient(t, running.port, first + GET)
    const closed = new Promise(resolve => client.once('close', resolve))
    await running.backend.waitFor(({ requests }) => requests >= 1)
    await until(() => active(running) === 0)
    client.resume()
    await closed
    t.pass(what)
  }
})

t.test('a response behind a slow one waits for it, whatever the client timeout is', async t => {
  const backend = await backendFor(t, async ({ path }, connection) => {
    if (path !== '/file') await new Promise(resolve => setTimeout(resolve, 700))
    connection.reply({ body: path === '/file' ? FILE : 'x' })
  })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, undiciOptions: { bodyTimeout: 200, headersTimeout: 5_000 } }] })
  const client = connect(running.port, '127.0.0.1')
  t.teardown(() => client.destroy())
  let read = 0
  client.on('data', chunk => { read += chunk.length })
  client.write(GET.replace('file', 'slow') + GET)
  await until(() => read > FILE.length)
  t.pass()
})
