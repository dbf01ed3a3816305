// An observer may close the target, or make it non-persistent, while the pool is telling it of a connection.
import t from 'tap'
import { startBackend } from '../../testing/backend.js'
import { rigFor, type Rig } from './setup.js'

async function rigOf (t: { teardown (fn: () => unknown): void }): Promise<{ rig: Rig, backend: Awaited<ReturnType<typeof startBackend>> }> {
  const backend = await startBackend((_request, connection) => connection.reply())
  t.teardown(() => backend.close())
  return { backend, rig: rigFor(t, backend.url) }
}

for (const [what, act] of [
  ['its target is closed', (rig: Rig) => { rig.target.close(() => {}) }],
  ['its target is taken for non-persistent', (rig: Rig) => rig.target.setPersistence('non-persistent', 'test')],
  ['idle connections are evicted', (rig: Rig) => { rig.target.evict() }]
] as const) {
  t.test(`no connection stays open if ${what} while it is released`, async t => {
    const { rig, backend } = await rigOf(t)
    rig.registry.observe({ released: () => act(rig) })
    t.match(await rig.send().over, { status: 200 })
    await rig.until(({ closed }) => closed.length === 1)
    t.same(rig.counts, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
    await backend.waitFor(({ open }) => open === 0)
  })
}

t.test('a request that is refused while its connection is opened is not sent', async t => {
  const { rig, backend } = await rigOf(t)
  rig.registry.observe({ opened: () => { rig.target.destroy(() => {}) } })
  t.match(await rig.send().over, { error: { code: 'HOLDFAST_ERR_DRAINING' }, finals: 1 })
  await backend.waitFor(({ open, accepted }) => accepted === 1 && open === 0)
  t.equal(backend.requests, 0)
  t.same(rig.reasons, ['drained'])
})

t.test('a connection is not used if dial options change while it is opened', async t => {
  const { rig, backend } = await rigOf(t)
  rig.registry.observe({ opened: () => rig.target.update({ undiciOptions: { connect: { timeout: 1_234 } } }) })
  t.match(await rig.send().over, { status: 200 })
  t.match(rig.closed, [{ id: rig.opened[0], reason: 'updated', served: 0, idleMs: undefined }])
  t.same(rig.acquired.map(({ id }) => id), [rig.opened[1]])
  await backend.waitFor(({ accepted, open }) => accepted === 2 && open === 1)
})

t.test('if dial options change while a connection is opened, its request gets the room for another one', async t => {
  const { rig, backend } = await rigOf(t)
  rig.target.update({ undiciOptions: { connections: 1 } })
  rig.registry.observe({ opened: () => rig.target.update({ undiciOptions: { connect: { timeout: 1_234 } } }) })
  const order: number[] = []
  const both = [1, 2].map(n => rig.send({}, { end: () => order.push(n) }))
  for (const { over } of both) t.match(await over, { status: 200, finals: 1 })
  t.same(order, [1, 2])
  await rig.until(({ counts }) => counts.idle === 1)
  t.match(rig.closed, [{ id: rig.opened[0], reason: 'updated', served: 0, idleMs: undefined }])
  t.same(rig.acquired.map(({ id }) => id), [rig.opened[1], rig.opened[1]])
  await backend.waitFor(({ accepted, open }) => accepted === 2 && open === 1)
  t.same(rig.counts, { active: 0, idle: 1, connecting: 0, pending: 0, upgraded: 0 })
})

t.test('if dial options change and the request leaves, its connection ends and no other is dialled', async t => {
  const { rig, backend } = await rigOf(t)
  const request = rig.send()
  rig.registry.observe({
    opened: () => {
      rig.target.update({ undiciOptions: { connect: { timeout: 1_234 } } })
      request.abort()
    }
  })
  await rig.until(({ closed }) => closed.length === 1)
  t.same(rig.reasons, ['updated'])
  t.same(rig.counts, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
  await backend.waitFor(({ accepted, open }) => accepted === 1 && open === 0)
})

t.test('limits that are set while a connection is opened hold for it', async t => {
  const { rig } = await rigOf(t)
  rig.registry.observe({ opened: () => rig.target.update({ pool: { maxRequestsPerConnection: 1 } }) })
  t.match(await rig.send().over, { status: 200 })
  await rig.until(({ counts }) => counts.active === 0)
  t.same(rig.reasons, ['max_requests'])
})

t.test('a request that is refused while its dial is tried again gets no further dial', async t => {
  const { rig, backend } = await rigOf(t)
  backend.refuse()
  const refused = rig.send()
  rig.registry.observe({ retried: () => { rig.target.destroy(() => {}) } })
  t.match(await refused.over, { error: { code: 'HOLDFAST_ERR_DRAINING' }, finals: 1 })
  t.same(rig.counts, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
})

t.test('persistence changes are told in the order in which they were made', async t => {
  const { rig } = await rigOf(t)
  await rig.send().over
  await rig.until(({ counts }) => counts.idle === 1)
  const told: string[] = []
  rig.registry.observe({
    closed: () => rig.target.setPersistence('persistent', 'second'),
    persistenceChanged: (_target, _from, to, cause) => { told.push(`${to}: ${cause}`) }
  })
  rig.target.setPersistence('non-persistent', 'first')
  t.strictSame(told, ['non-persistent: first', 'persistent: second'])
  t.equal(rig.target.persistence, 'persistent')
})

/** A target with one connection, which is idle, and which the next GET closes to make room for a fresh one. */
async function rigWithOneIdle (t: { teardown (fn: () => unknown): void }): ReturnType<typeof rigOf> {
  const { rig, backend } = await rigOf(t)
  rig.target.update({ undiciOptions: { connections: 1 } })
  await rig.send().over
  await rig.until(({ counts }) => counts.idle === 1)
  rig.target.keepApart(new Set(['GET']))
  return { rig, backend }
}

t.test('a request that is refused while a connection makes room for its dial gets no dial', async t => {
  const { rig, backend } = await rigWithOneIdle(t)
  rig.registry.observe({ closed: () => { rig.target.destroy(() => {}) } })
  t.match(await rig.send().over, { error: { code: 'HOLDFAST_ERR_DRAINING' }, finals: 1 })
  t.same(rig.counts, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
  await backend.waitFor(({ open }) => open === 0)
  t.equal(backend.accepted, 1, 'nothing was dialled')
})

t.test('room that is made goes to one dial, even if another request begins meanwhile', async t => {
  const { rig, backend } = await rigWithOneIdle(t)
  let inner: ReturnType<Rig['send']> | undefined
  rig.registry.observe({ closed: () => { inner ??= rig.send() } })
  const outer = rig.send()
  t.match(rig.counts, { connecting: 1, pending: 1 })
  t.match(await inner?.over, { status: 200, finals: 1 })
  t.match(await outer.over, { status: 200, finals: 1 })
  t.equal(backend.accepted, 3)
})
