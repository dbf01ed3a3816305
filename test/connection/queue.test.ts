import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { startBackend, type BackendConnection } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { rigFor } from './setup.js'

// Answers when the test says so, in the order of the requests.
async function slowBackend (t: { teardown (fn: () => unknown): void }) {
  const waiting: BackendConnection[] = []
  const backend = await startBackend((_request, connection) => { waiting.push(connection) })
  t.teardown(() => backend.close())
  return { backend, answer: () => waiting.shift()!.reply({ body: 'ok' }) }
}

t.test('at the bound a request waits for a connection that is returned, first come first served', async t => {
  const { backend, answer } = await slowBackend(t)
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 } })
  const order: number[] = []
  const all = [1, 2, 3].map(n => rig.send({}, { end: () => order.push(n) }))
  for (let n = 1; n <= 3; n++) {
    await backend.waitFor(b => b.requests === n)
    t.equal(rig.counts.pending, 3 - n)
    answer()
  }
  await Promise.all(all.map(({ over }) => over))
  t.same(order, [1, 2, 3])
  t.equal(backend.accepted, 1)
})

t.test('a request that waits longer than pendingTimeout is refused, and nothing is sent for it', async t => {
  const { backend, answer } = await slowBackend(t)
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 }, pool: { pendingTimeout: 20 } })
  const first = rig.send()
  await backend.waitFor(b => b.requests === 1)
  t.match(await rig.send().over, { error: { code: 'HOLDFAST_ERR_QUEUE_TIMEOUT', statusCode: 503 }, finals: 1 })
  t.equal(rig.counts.pending, 0)
  answer()
  t.match(await first.over, { status: 200 })
  t.equal(backend.requests, 1)
})

t.test('the waiting time of a refused request comes from the pool\'s clock', async t => {
  const { backend, answer } = await slowBackend(t)
  let now = 100_000
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 } }, () => now)
  const waits: number[] = []
  rig.registry.observe({ rejected: (_target, _code, { waitMs }) => { waits.push(waitMs) } })
  const first = rig.send()
  await backend.waitFor(b => b.requests === 1)
  const second = rig.send()
  now += 70
  rig.target.close(() => {})
  t.match(await second.over, { error: { code: 'HOLDFAST_ERR_DRAINING' } })
  t.strictSame(waits, [70])
  answer()
  await first.over
})

t.test('a client that leaves frees its place in the queue', async t => {
  const { backend, answer } = await slowBackend(t)
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 }, pool: { maxPending: 1 } })
  const first = rig.send()
  await backend.waitFor(b => b.requests === 1)
  const second = rig.send()
  t.match(await rig.send().over, { error: { code: 'HOLDFAST_ERR_QUEUE_FULL' } })
  second.abort()
  t.equal(second.finals, 1)
  const third = rig.send()
  answer()
  await first.over
  await backend.waitFor(b => b.requests === 2)
  answer()
  t.match(await third.over, { status: 200, finals: 1 })
  t.equal(second.finals, 1)
})

t.test('a request that needs a fresh connection gets one when the last used one is returned', async t => {
  // The first request on a reused connection kills it. Its retry needs a fresh connection, and there is no room for one.
  const { backend, answer } = await slowBackend(t)
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 } })
  const first = rig.send()
  await backend.waitFor(b => b.requests === 1)
  answer()
  await first.over
  await rig.until(({ counts }) => counts.idle === 1)
  const stale = rig.send({ path: '/stale' })
  await backend.waitFor(b => b.requests === 2)
  const queued = rig.send({ path: '/queued' })
  backend.connections[0]!.reset()
  // The queued request got the room, so the retry queues too.
  await backend.waitFor(b => b.requests === 3)
  answer()
  answer()
  t.match(await queued.over, { status: 200 })
  await backend.waitFor(b => b.requests === 4)
  answer()
  t.match(await stale.over, { status: 200, finals: 1 })
  t.same(rig.retries, ['stale'])
  t.ok(rig.reasons.includes('evicted'))
})

t.test('dials without a waiting request are abandoned', async t => {
  // A listener that never accepts: TCP connects to its backlog, and TLS gets no answer.
  const silent = createServer(() => {})
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const rig = rigFor(t, `https://127.0.0.1:${(silent.address() as AddressInfo).port}`)
  const both = [rig.send(), rig.send()]
  t.equal(rig.counts.connecting, 2)
  both[0]!.abort()
  t.equal(rig.counts.connecting, 2, 'the second may still want it')
  both[1]!.abort()
  t.match(rig.counts, { connecting: 0, pending: 0 })
  t.same(both.map(({ finals }) => finals), [1, 1])
})

t.test('a refused dial is tried again, and a drain refuses the request that waits for it', async t => {
  const { backend, answer } = await slowBackend(t)
  backend.refuse()
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 } })
  const refused = rig.send()
  await rig.until(({ dialFailures }) => dialFailures.length === 1)
  await backend.listen()
  const other = rig.send()
  await backend.waitFor(b => b.requests === 1)
  const drained = rig.target.close()
  // Its dial would make the second connection.
  await rig.until(({ retries }) => retries.length === 1)
  t.match(await refused.over, { error: { code: 'HOLDFAST_ERR_DRAINING' }, finals: 1 })
  answer()
  t.match(await other.over, { status: 200 })
  await drained
  t.same(rig.counts, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
})

t.test('a dial that a closing listener reset is tried again', async t => {
  const { backend, answer } = await slowBackend(t)
  let dials = 0
  const rig = rigFor(t, backend.url, {
    undiciOptions: {
      connect: ({ port }: { port?: string | number }, callback: (error: Error | null, socket: Socket | null) => void) => {
        if (dials++ === 0) return callback(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), null)
        const socket = connect(Number(port), '127.0.0.1', () => callback(null, socket))
      }
    } as never
  })
  const sent = rig.send({ method: 'POST' })
  await backend.waitFor(b => b.requests === 1)
  answer()
  t.match(await sent.over, { status: 200 })
  t.same(rig.retries, ['connect'])
})

t.test('a request whose dial was refused keeps its place before later requests', async t => {
  const paths: string[] = []
  const waiting: BackendConnection[] = []
  const backend = await startBackend(({ path }, connection) => {
    paths.push(path)
    waiting.push(connection)
  })
  t.teardown(() => backend.close())
  backend.refuse()
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 } })
  const refused = rig.send({ path: '/refused' })
  await rig.until(({ dialFailures }) => dialFailures.length === 1)
  await backend.listen()
  const others = [rig.send({ path: '/second' }), rig.send({ path: '/third' })]
  await backend.waitFor(b => b.requests === 1)
  await rig.until(({ retries }) => retries.length === 1)
  for (let n = 1; n <= 3; n++) {
    await backend.waitFor(b => b.requests === n)
    waiting.shift()!.reply()
  }
  for (const { over } of [refused, ...others]) t.match(await over, { status: 200 })
  t.same(paths, ['/second', '/refused', '/third'])
})

t.test('the time of refused dials counts towards a request\'s waiting time', async t => {
  const { backend, answer } = await slowBackend(t)
  backend.refuse()
  let now = 0
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1, headersTimeout: 0 }, pool: { pendingTimeout: 100_000 } }, () => now)
  const refused = rig.send()
  await rig.until(({ dialFailures }) => dialFailures.length === 1)
  await backend.listen()
  const first = rig.send()
  now = 50
  const younger = rig.send()
  // Before its dial is tried again, after at least 50 ms.
  now = 100_000
  await backend.waitFor(b => b.requests === 1)
  t.match(await refused.over, { error: { code: 'HOLDFAST_ERR_QUEUE_TIMEOUT' }, finals: 1 })
  t.equal(rig.counts.pending, 1)
  answer()
  await backend.waitFor(b => b.requests === 2)
  answer()
  for (const { over } of [first, younger]) t.match(await over, { status: 200 })
})

t.test('a client that leaves between two tries of a dial does not keep a drain waiting', async t => {
  const { backend } = await slowBackend(t)
  backend.refuse()
  const rig = rigFor(t, backend.url)
  const refused = rig.send()
  await rig.until(({ dialFailures }) => dialFailures.length === 1)
  const drained = rig.target.close()
  refused.abort()
  await drained
  t.equal(refused.finals, 1)
})

t.test('a request that is sent while a response ends waits for that connection, and does not dial', async t => {
  const backend = await startBackend(persistent())
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url, {})
  let left = 20
  await new Promise<void>((resolve, reject) => {
    // As an interceptor for redirects does: it sends the next request from the last call for the one before.
    const next = (): void => {
      rig.target.dispatch({ method: 'GET', path: '/' }, {
        onConnect () {},
        onHeaders: () => true,
        onData: () => true,
        onComplete: () => { if (--left === 0) resolve(); else next() },
        onError: reject
      })
    }
    next()
  })
  t.equal(backend.accepted, 1)
})
