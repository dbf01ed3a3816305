import t from 'tap'
import { request, upgrade } from 'undici'
import type { RequestScript } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { targetFor, until } from '../../testing/gateway.js'

const hang: RequestScript = () => {}

t.test('an abort in flight rejects with its reason and frees the connection', async t => {
  const { backend, target } = await targetFor(t, hang)
  const controller = new AbortController()
  const answer = request(backend.url, { dispatcher: target, signal: controller.signal })
  await backend.waitFor(({ requests }) => requests === 1)
  const reason = new Error('changed my mind')
  controller.abort(reason)
  await t.rejects(answer, reason)
  await backend.waitFor(({ open }) => open === 0, 1_000)
  t.match(target.snapshot(), { connections: { active: 0 }, totals: { closed: { client_gone: 1 } } })
})

t.test('an abort in the middle of a body ends that body and the connection', async t => {
  const { backend, target } = await targetFor(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  const controller = new AbortController()
  const { body } = await request(backend.url, { dispatcher: target, signal: controller.signal })
  const text = body.text()
  controller.abort(new Error('enough'))
  await t.rejects(text, { message: 'enough' })
  await backend.waitFor(({ open }) => open === 0, 1_000)
  t.equal(target.snapshot().connections.active, 0)
})

t.test('an aborted request leaves the queue, and nothing is sent to the backend', async t => {
  const release: (() => void)[] = []
  const { backend, target } = await targetFor(t, ({ path }, connection) => new Promise<void>(resolve => {
    release.push(() => {
      connection.reply({ body: path })
      resolve()
    })
  }), { undiciOptions: { connections: 1 } })
  const first = request(`${backend.url}/first`, { dispatcher: target })
  await backend.waitFor(({ requests }) => requests === 1)
  const controller = new AbortController()
  const second = request(`${backend.url}/second`, { dispatcher: target, signal: controller.signal })
  const third = request(`${backend.url}/third`, { dispatcher: target })
  await until(() => target.snapshot().connections.pending === 2)
  controller.abort()
  await t.rejects(second, { name: 'AbortError' })
  t.equal(target.snapshot().connections.pending, 1)
  release.shift()?.()
  t.equal(await (await first).body.text(), '/first')
  await backend.waitFor(({ requests }) => requests === 2)
  release.shift()?.()
  t.equal(await (await third).body.text(), '/third')
  t.equal(backend.requests, 2)
  t.equal(backend.accepted, 1)
})

t.test('a request with an aborted signal is not sent', async t => {
  const { backend, target } = await targetFor(t, persistent())
  await t.rejects(request(backend.url, { dispatcher: target, signal: AbortSignal.abort() }), { name: 'AbortError' })
  await (await request(backend.url, { dispatcher: target })).body.dump()
  t.equal(backend.requests, 1)
})

t.test('an upgrade gives the socket, and counts as upgraded until the socket ends', async t => {
  const { backend, target } = await targetFor(t, (request, connection) => {
    t.equal(request.header('upgrade'), 'chat')
    connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nwelcome ')
    connection.takeOver()
    connection.socket.on('data', chunk => connection.write(chunk))
    connection.socket.on('end', () => connection.end())
  })
  const { socket, headers } = await upgrade(backend.url, { dispatcher: target, protocol: 'chat' })
  t.equal(headers['upgrade'], 'chat')
  t.match(target.snapshot(), { connections: { upgraded: 1, active: 0, idle: 0 } })
  let heard = ''
  socket.on('data', chunk => { heard += String(chunk) })
  socket.write('ping')
  await until(() => heard === 'welcome ping')
  socket.end()
  await until(() => target.snapshot().connections.upgraded === 0)
  t.strictSame(target.snapshot().totals.closed, { upgraded: 1 })
})

t.test('an upgrade that the backend does not accept is an error for its caller alone', async t => {
  const { backend, target } = await targetFor(t, persistent())
  await t.rejects(upgrade(backend.url, { dispatcher: target, protocol: 'chat' }))
  await until(() => target.snapshot().connections.active === 0)
  t.equal(target.snapshot().connections.upgraded, 0)
  t.match(await (await request(backend.url, { dispatcher: target })).body.json(), { nth: /\d/ })
})

t.test('a closed target finishes requests in flight and refuses new ones', async t => {
  let release = (): void => {}
  const { backend, target } = await targetFor(t, (_request, connection) => new Promise<void>(resolve => {
    release = () => {
      connection.reply({ body: 'done' })
      resolve()
    }
  }))
  const answer = request(backend.url, { dispatcher: target })
  await backend.waitFor(({ requests }) => requests === 1)
  const closing = target.close()
  await t.rejects(request(backend.url, { dispatcher: target }), { code: 'HOLDFAST_ERR_DRAINING', statusCode: 503 })
  release()
  t.equal(await (await answer).body.text(), 'done')
  await closing
  await backend.waitFor(({ open }) => open === 0)
  t.ok(target.closed)
})

t.test('a destroyed target ends requests in flight', async t => {
  const { backend, target } = await targetFor(t, hang)
  const answer = request(backend.url, { dispatcher: target })
  await backend.waitFor(({ requests }) => requests === 1)
  const failed = t.rejects(answer, { code: 'HOLDFAST_ERR_DRAINING' })
  await target.destroy()
  await failed
  await backend.waitFor(({ open }) => open === 0)
  t.ok(target.destroyed)
})
