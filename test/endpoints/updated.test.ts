import t from 'tap'
import type { Test } from 'tap'
import type { TargetOptions } from '../../src/index.js'
import type { BackendScript } from '../../testing/backend.js'
import { ask, placesOf } from './ask.js'
import { Clock } from './clock.js'
import { targetFor } from './rig.js'
import type { RigSettings } from './rig.js'
import { Dialling, Held, addressOf, backendsFor, kill, serve } from './scripted.js'

async function rigOf (t: Test, scripts: readonly BackendScript[], options: TargetOptions = {}, settings: RigSettings = {}) {
  const backends = await backendsFor(t, scripts.length, place => scripts[place]!)
  const rig = targetFor(t, backends, { balance: 'round-robin', ...options }, settings)
  const idOf = (place: number): string => rig.target.snapshot().endpoints.find(({ address }) => address === addressOf(backends[place]!))!.id
  return { backends, addresses: backends.map(addressOf), idOf, ...rig }
}

t.test('new dial options hold for all endpoints, for those that join later too', async t => {
  const [before, after] = [new Dialling(), new Dialling()]
  const { backends, target, events, addresses } = await rigOf(t, [serve, serve, serve], { undiciOptions: before.options })
  target.endpoints.set(backends.slice(0, 2).map(({ url }) => url))
  await placesOf(target, 4)
  await events.until(() => target.snapshot().connections.idle === 2)
  target.update({ undiciOptions: after.options })
  t.same(events.closes.map(({ reason }) => reason), ['updated', 'updated'])
  t.same(new Set(await placesOf(target, 4)), new Set(addresses.slice(0, 2)))
  t.same(new Set(after.dialled), new Set(backends.slice(0, 2).map(({ port }) => port)))
  const old = before.dialled.length
  target.endpoints.set(backends.map(({ url }) => url))
  await placesOf(target, 6)
  t.ok(after.dialled.includes(backends[2]!.port))
  t.equal(before.dialled.length, old)
})

t.test('dials under way are begun anew with new options, each at its own endpoint', async t => {
  const [before, after] = [new Dialling(), new Dialling()]
  const { backends, target, addresses } = await rigOf(t, [serve, serve], { undiciOptions: before.options })
  for (const backend of backends) before.way(backend, 'hold')
  const asked = addresses.map(pinned => ask(target, { pinned }))
  t.equal(target.snapshot().connections.connecting, 2)
  target.update({ undiciOptions: after.options })
  for (const [place, { over }] of asked.entries()) t.match(await over, { status: 200, at: addresses[place] })
  t.same(new Set(after.dialled), new Set(backends.map(({ port }) => port)))
})

t.test('an update that cannot be changes nothing', async t => {
  const { target, events } = await rigOf(t, [serve, serve])
  await placesOf(target, 4)
  const { options } = target
  const patch = { undiciOptions: { connect: { ca: 'nonsense' } }, pool: { maxConnections: 0 } }
  t.throws(() => target.update(patch), { code: 'HOLDFAST_ERR_OPTION' })
  t.equal(target.options, options)
  t.same(events.closes, [])
})

t.test('setPersistence is of one endpoint, or of all', async t => {
  const { backends, target, events, addresses, idOf } = await rigOf(t, [serve, serve])
  await placesOf(target, 4)
  await events.until(() => target.snapshot().connections.idle === 2)
  target.setPersistence('non-persistent', 'a test', addresses[0]!)
  t.same(events.closes, [{ endpoint: idOf(0), reason: 'non_persistent' }])
  t.same(events.persistences, [{ endpoint: idOf(0), to: 'non-persistent' }])
  t.equal(target.persistence, 'persistent', 'one of them still is')
  t.equal(target.persistenceOf(idOf(0)), 'non-persistent')
  t.same(target.snapshot().endpoints.map(({ persistence }) => persistence), ['non-persistent', 'persistent'])
  const [first, second] = backends.map(({ log }) => log.length) as [number, number]
  await placesOf(target, 8)
  t.same(new Set(backends[0]!.log.slice(first).map(request => request.header('connection'))), new Set(['close']))
  t.notOk(backends[1]!.log.slice(second).some(request => request.header('connection') === 'close'))
  t.same(backends.map(({ accepted }) => accepted), [1 + 4, 1])
  target.setPersistence('non-persistent', 'a test')
  t.equal(target.persistence, 'non-persistent')
  t.equal(events.persistences.length, 2)
  t.throws(() => target.setPersistence('trial', 'a test', 'nobody'), { code: 'HOLDFAST_ERR_UNKNOWN_ENDPOINT' })
  t.throws(() => target.persistenceOf('nobody'), { code: 'HOLDFAST_ERR_UNKNOWN_ENDPOINT' })
})

t.test('keepApart is of one endpoint, or of all', async t => {
  const { backends, target, addresses } = await rigOf(t, [serve, serve])
  await placesOf(target, 4)
  target.keepApart(new Set(['DELETE']), addresses[0]!)
  for (const pinned of addresses) for (let n = 0; n < 2; n++) t.match(await ask(target, { method: 'DELETE', pinned }).over, { status: 200 })
  t.same(backends.map(({ accepted }) => accepted), [3, 1])
})

t.test('one of three closes after each response: only that one becomes non-persistent', async t => {
  const closes: BackendScript = (_request, connection) => {
    connection.reply({ headers: { Connection: 'close' } })
    connection.end()
  }
  const { target, events, idOf } = await rigOf(t, [closes, serve, serve], {}, { inspect: true })
  await placesOf(target, 60)
  t.same(events.persistences, [{ endpoint: idOf(0), to: 'non-persistent' }])
  t.same(target.snapshot().endpoints.map(({ persistence }) => persistence), ['non-persistent', 'persistent', 'persistent'])
  t.same(target.snapshot().endpoints.map(({ state, failures }) => [state, failures]), Array.from({ length: 3 }, () => ['up', 0]))
})

t.test('one of three closes without a word: only that one becomes non-persistent', async t => {
  const closes: BackendScript = (_request, connection) => {
    connection.reply()
    connection.end()
  }
  const { backends, target, events, idOf } = await rigOf(t, [closes, serve, serve], {}, { inspect: true })
  for (let n = 0; n < 30 && events.persistences.length === 0; n++) {
    await placesOf(target, 3)
    await backends[0]!.waitFor(({ open }) => open === 0)
    await events.until(() => target.snapshot().endpoints[0]!.connections.idle === 0)
  }
  t.same(events.persistences, [{ endpoint: idOf(0), to: 'non-persistent' }])
})

t.test('what was learned of an endpoint ends with it: one that joins at the same address is new', async t => {
  const closing = { is: true }
  const script: BackendScript = (_request, connection) => {
    connection.reply({ headers: closing.is ? { Connection: 'close' } : {} })
    if (closing.is) connection.end()
  }
  const { backends, target, events } = await rigOf(t, [script, serve], {}, { inspect: true })
  await placesOf(target, 40)
  t.equal(events.persistences.length, 1)
  target.endpoints.set([backends[1]!.url])
  closing.is = false
  target.endpoints.set(backends.map(({ url }) => url))
  await placesOf(target, 10)
  t.same(target.snapshot().endpoints.map(({ persistence }) => persistence), ['persistent', 'persistent'])
  t.same(new Set(await placesOf(target, 4)).size, 2)
})

t.test('switching keep-alive off and on holds for all endpoints', async t => {
  const { target, events } = await rigOf(t, [serve, serve])
  await placesOf(target, 4)
  target.update({ undiciOptions: { keepAliveTimeout: 0 } })
  t.same(events.persistences.map(({ to }) => to), ['non-persistent', 'non-persistent'])
  t.equal(target.snapshot().connections.idle, 0)
  target.update({ undiciOptions: { keepAliveTimeout: 1_000 } })
  t.same(events.persistences.slice(2).map(({ to }) => to), ['persistent', 'persistent'])
})

t.test('evict() closes the idle connections of all endpoints', async t => {
  const { target, events } = await rigOf(t, [serve, serve, serve])
  await placesOf(target, 6)
  await events.until(() => target.snapshot().connections.idle === 3)
  t.equal(target.evict(), 3)
  t.same(events.closes.map(({ reason }) => reason), ['evicted', 'evicted', 'evicted'])
})

t.test('a close waits for what is in flight at all endpoints, and for their tunnels', async t => {
  const held = [new Held(), new Held()]
  const { backends, target, addresses } = await rigOf(t, held.map(({ script }) => script))
  const asked = addresses.map(pinned => ask(target, { pinned }))
  await Promise.all(backends.map(backend => backend.waitFor(({ requests }) => requests === 1)))
  let closed = false
  const closing = target.close().then(() => { closed = true })
  t.equal((await ask(target).over).code, 'HOLDFAST_ERR_DRAINING')
  held[0]!.answer()
  t.match(await asked[0]!.over, { status: 200 })
  await new Promise(setImmediate)
  t.notOk(closed)
  held[1]!.answer()
  t.match(await asked[1]!.over, { status: 200 })
  await closing
  t.same(target.snapshot().connections, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
})

t.test('a target of endpoints that were all dead finds each of them when it is back', async t => {
  const clock = new Clock()
  const options: TargetOptions = { pool: { connectRetry: 0 }, ejection: false }
  const { backends, target, events, addresses } = await rigOf(t, [serve, serve, serve], options, { clock: clock.read })
  for (const backend of backends) await kill(backend)
  while (!target.snapshot().endpoints.every(({ refusing }) => refusing)) t.equal((await ask(target).over).code, 'HOLDFAST_ERR_CONNECT')
  clock.pass(1_000)
  for (let n = 0; n < 3; n++) await ask(target).over
  t.ok(ask(target).isOver, 'each was probed once')
  for (const [place, backend] of backends.entries()) {
    await backend.listen()
    clock.pass(250)
    // While all refuse, a request probes one of them.
    while (target.snapshot().endpoints[place]!.refusing) {
      clock.pass(250)
      await ask(target).over
      await new Promise(setImmediate)
    }
    t.ok((await placesOf(target, 6)).includes(addresses[place]!))
  }
  t.ok(events.dialsFailed.length > 0)
})

t.test('a target that is closed leaves no timer', async t => {
  const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  for (const end of ['close', 'destroy'] as const) {
    const healthCheck = { path: '/health', interval: 5_000 }
    const { target, backends } = await rigOf(t, [serve, serve], { healthCheck, pool: { connectRetry: 10_000 } })
    await placesOf(target, 4)
    await kill(backends[0]!)
    await kill(backends[1]!)
    const waiting = ask(target)
    while (target.snapshot().endpoints.some(({ refusing }) => !refusing)) await new Promise(setImmediate)
    const closing = target[end]()
    // A close lets the request dial on.
    if (end === 'close') await backends[0]!.listen()
    await waiting.over
    await closing
    t.ok(timers() <= before, end)
  }
})
