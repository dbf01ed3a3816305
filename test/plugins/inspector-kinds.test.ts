import t from 'tap'
import { request } from '../../testing/client.js'
import { answer } from '../../testing/answer.js'
import type { BackendScript } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'

/** Says close to each POST, or to each POST with a long body, as Go's net/http does if a handler leaves the body unread. */
function closesPosts (longerThan: number): BackendScript {
  const keeps = persistent()
  return (asked, connection) => {
    if (asked.method !== 'POST' || asked.body.length <= longerThan) return keeps(asked, connection)
    answer(asked, connection, { headers: { Connection: 'close' } })
    connection.end()
  }
}

t.test('uploads that a healthy backend leaves unread do not make it non-persistent', async t => {
  const backend = await backendFor(t, closesPosts(100_000))
  const { url, target, gateway } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  const changes: string[] = []
  gateway.observe({ persistenceChanged: (_name, _from, to) => { changes.push(to) } })
  for (let n = 0; n < 8; n++) t.equal((await request(url, { method: 'POST', body: Buffer.alloc(270_000) })).status, 200)
  t.strictSame(changes, [])
  const before = backend.accepted
  for (let n = 0; n < 10; n++) await request(url)
  t.equal(backend.accepted, before + 1, 'the others keep their connections')
  // After a short POST the connection is kept.
  await request(url, { method: 'POST', body: 'x' })
  await request(url)
  const { opened } = target.snapshot().totals
  for (let n = 0; n < 5; n++) await request(url, { method: 'POST', body: 'x' })
  t.equal(target.snapshot().totals.opened, opened, 'and other clients\' short uploads have theirs back')
})

t.test('where a backend closes after each POST, GETs keep their connections and POSTs get fresh ones', async t => {
  const backend = await backendFor(t, closesPosts(0), { log: true })
  const { url, target } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  for (let n = 0; n < 100; n++) {
    await request(url)
    await request(url, { method: 'POST', body: 'x' })
  }
  t.equal(target.persistence, 'persistent')
  // One connection for each POST, one for the GETs, and those that were needed to learn it.
  t.ok(backend.accepted <= 100 + 1 + 3, `${backend.accepted} connections for 200 requests`)
  t.ok(backend.log.filter(({ method, nth }) => method === 'GET' && nth === 1).length <= 1 + 3, 'GETs keep theirs')
  t.notOk(backend.log.some(({ header }) => header('connection') === 'close'), 'each POST asks to persist, so that a change is noticed')
})

t.test('a backend that closes a few connections while it keeps others stays persistent', async t => {
  let closing = false
  const keeps = persistent()
  const held: (() => void)[] = []
  const backend = await backendFor(t, async (asked, connection) => {
    if (asked.path === '/held') await new Promise<void>(resolve => { held.push(resolve) })
    if (!closing || asked.nth > 1) return keeps(asked, connection)
    answer(asked, connection, { headers: { Connection: 'close' } })
    connection.end()
  })
  const { url, target } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  await request(url)
  // This connection's second request is under way while other requests need other connections.
  await request(url)
  const slow = request(`${url}/held`)
  await until(() => held.length === 1)
  closing = true
  for (let n = 0; n < 4; n++) await request(url)
  t.equal(target.persistence, 'persistent', 'while one stands that has served several')
  held[0]!()
  await slow
  await request(url)
  t.equal(target.persistence, 'persistent')
})

t.test('a backend that kept connections is tried again long before the interval', async t => {
  let closing = false
  const keeps = persistent()
  const backend = await backendFor(t, (asked, connection) => {
    if (!closing) return keeps(asked, connection)
    answer(asked, connection, { headers: { Connection: 'close' } })
    connection.end()
  })
  const { url, target } = await gatewayFor(t, { routes: [{ upstream: backend.url, inspector: { trialInterval: 600_000 } }] })
  for (let n = 0; n < 3; n++) await request(url)
  // The backend restarts: open connections end, and the old process says close while it drains.
  closing = true
  target.evict()
  for (let n = 0; n < 3; n++) await request(url)
  t.equal(target.persistence, 'non-persistent')
  closing = false
  await until(() => target.persistence === 'trial')
  await request(url)
  await request(url)
  t.equal(target.persistence, 'persistent')
})

t.test('where a backend closes after each HEAD, GETs keep their connections even after a time with only HEADs', async t => {
  const keeps = persistent()
  const backend = await backendFor(t, (asked, connection) => {
    if (asked.method !== 'HEAD') return keeps(asked, connection)
    connection.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n')
    connection.end()
  })
  const { url, target, gateway } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  const changes: string[] = []
  gateway.observe({ persistenceChanged: (_name, _from, to) => { changes.push(to) } })
  for (let n = 0; n < 4; n++) await request(url)
  // As after all idle connections have reached the idle limit.
  target.evict()
  for (let n = 0; n < 6; n++) await request(url, { method: 'HEAD' })
  t.strictSame(changes, [])
  // They do not make a trial fail that is due for another reason.
  target.setPersistence('trial', 'to see')
  for (let n = 0; n < 3; n++) await request(url, { method: 'HEAD' })
  t.strictSame(changes, ['trial'])
  const before = backend.accepted
  for (let n = 0; n < 5; n++) await request(url)
  t.equal(backend.accepted, before + 1)
  t.strictSame(changes, ['trial', 'persistent'])
})
