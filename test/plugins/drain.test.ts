import { once } from 'node:events'
import { Agent } from 'node:http'
import t, { type Test } from 'tap'
import type { DrainOptions } from '../../src/index.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

async function between (t: Test, script: BackendScript, drain: DrainOptions): Promise<RunningGateway & { backend: Backend }> {
  const backend = await backendFor(t, script)
  const running = await gatewayFor(t, { gateway: { drain, health: true }, routes: [{ upstream: backend.url, prefix: '/api' }] })
  return Object.assign(running, { backend })
}

const GET = 'GET /api HTTP/1.1\r\nHost: a\r\n\r\n'

t.test('requests are served during drain.delay', async t => {
  const { url, gateway, app, backend } = await between(t, persistent(), { delay: 2_000, deadline: 2_000 })
  t.equal((await request(`${url}/api`)).status, 200)
  const drained = gateway.drain()
  const readiness = await request(`${url}/health/ready`)
  t.equal(readiness.status, 503)
  t.equal((await request(`${url}/api`)).status, 200, 'new requests are served meanwhile')
  await drained
  t.notOk(app.server.listening)
  await t.rejects(request(`${url}/api`), { code: 'ECONNREFUSED' })
  await backend.waitFor(({ open }) => open === 0)
})

t.test('requests in flight finish, say close, and their connections end', async t => {
  let release = (): void => {}
  const { app, port, gateway, backend, log } = await between(t, (_request, connection) => new Promise<void>(resolve => {
    release = () => {
      connection.reply({ body: 'done' })
      resolve()
    }
  }), { deadline: 5_000 })
  const client = await clientFor(t, { port })
  client.write(GET)
  await backend.waitFor(({ requests }) => requests === 1)
  const drained = gateway.drain()
  await until(() => !app.server.listening)
  release()
  const response = await client.response()
  t.equal(response.status, 200)
  t.equal(response.body.toString(), 'done')
  t.equal(response.header('connection'), 'close')
  t.equal(await client.ended, 'fin')
  await drained
  t.strictSame(log.filter(({ msg }) => /cut/.test(msg ?? '')), [], 'nothing was cut')
})

t.test('idle connections of clients end at once', async t => {
  const { url, port, gateway } = await between(t, persistent(), { deadline: 5_000 })
  const client = await clientFor(t, { port })
  client.write(GET)
  t.equal((await client.response()).status, 200)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  await request(`${url}/api`, { agent })
  await gateway.drain()
  t.equal(await client.ended, 'fin')
})

t.test('at the deadline remaining requests are cut, counted and logged', async t => {
  const { port, gateway, backend, log } = await between(t, ({ path }, connection) => {
    if (path === '/body') connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
  }, { deadline: 150 })
  const hung = await clientFor(t, { port })
  hung.write(GET)
  const streaming = await clientFor(t, { port })
  streaming.write('GET /api/body HTTP/1.1\r\nHost: a\r\n\r\n')
  const uploading = await clientFor(t, { port })
  uploading.write('POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello')
  await backend.waitFor(({ requests }) => requests === 2)
  await new Promise<void>(resolve => streaming.socket.once('data', () => resolve()))
  const began = performance.now()
  await gateway.drain()
  const took = performance.now() - began
  t.ok(took >= 140, `not before its deadline: ${took} ms`)
  t.ok(took < 3_000, `and not long after it: ${took} ms`)
  await Promise.all([hung.ended, streaming.ended, uploading.ended])
  await backend.waitFor(({ open }) => open === 0)
  const cut = log.filter(({ msg }) => /deadline/.test(msg ?? ''))
  t.match(cut, [{ connections: 3, deadline: 150 }])
})

t.test('a second drain joins the first', async t => {
  const { gateway, app } = await between(t, persistent(), { delay: 20 })
  let closed = 0
  app.server.on('close', () => { closed++ })
  await Promise.all([gateway.drain(), gateway.drain()])
  await gateway.drain()
  t.equal(closed, 1)
})

t.test('closing the app keeps the same deadline, without the delay', async t => {
  const { port, app, backend } = await between(t, () => {}, { delay: 60_000, deadline: 100 })
  const client = await clientFor(t, { port })
  client.write(GET)
  await backend.waitFor(({ requests }) => requests === 1)
  await app.close()
  await client.ended
  await backend.waitFor(({ open }) => open === 0)
})

t.test('a request on a kept connection is refused during the close, and the connection ends', async t => {
  let release = (): void => {}
  const { port, gateway, app, backend } = await between(t, (_request, connection) => new Promise<void>(resolve => {
    release = () => {
      connection.reply()
      resolve()
    }
  }), { deadline: 5_000 })
  const client = await clientFor(t, { port })
  client.write(GET)
  await backend.waitFor(({ requests }) => requests === 1)
  const drained = gateway.drain()
  await until(() => !app.server.listening)
  client.write(GET)
  release()
  t.equal((await client.response()).header('connection'), 'close')
  t.equal(await client.ended, 'fin')
  t.equal(backend.requests, 1, 'the request behind it did not reach the backend')
  await drained
})

t.test('a connection on which a client has sent nothing does not hold the close', async t => {
  const { app, port, gateway, log } = await between(t, persistent(), { deadline: 600_000 })
  const accepted = once(app.server, 'connection')
  const client = await clientFor(t, { port })
  await accepted
  await gateway.drain()
  await client.ended
  t.same(log.filter(({ msg }) => /drain deadline/.test(msg ?? '')), [])
})
