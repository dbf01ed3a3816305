import t from 'tap'
import type { Test } from 'tap'
import type { TargetOptions } from '../../src/index.js'
import type { BackendScript } from '../../testing/backend.js'
import { ask, placesOf } from './ask.js'
import { targetFor } from './rig.js'
import { Dialling, Held, addressOf, backendsFor, kill, serve } from './scripted.js'

async function rigOf (t: Test, count: number, options: TargetOptions = {}, script?: BackendScript) {
  const held = Array.from({ length: count }, () => new Held())
  const backends = await backendsFor(t, count, place => script ?? held[place]!.script)
  const rig = targetFor(t, backends, { balance: 'round-robin', ...options })
  const counts = () => rig.target.snapshot().connections
  /** Connections of all kinds, dials among them. */
  const taken = (): number => {
    const { active, idle, connecting, upgraded } = counts()
    return active + idle + connecting + upgraded
  }
  return { held, backends, addresses: backends.map(addressOf), counts, taken, urls: backends.map(({ url }) => url), ...rig }
}

const upgrades: BackendScript = (_request, connection) => {
  connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  connection.takeOver()
}

t.test('connections bounds each endpoint, and requests beyond wait in one queue', async t => {
  const { held, backends, counts, target } = await rigOf(t, 2, { undiciOptions: { connections: 2 } })
  const asked = Array.from({ length: 7 }, () => ask(target))
  await Promise.all(backends.map(backend => backend.waitFor(({ requests }) => requests === 2)))
  t.match(counts(), { active: 4, pending: 3 })
  t.same(target.snapshot().endpoints.map(({ connections: { active } }) => active), [2, 2])
  for (let done = 0; done < 7; done++) {
    await Promise.any(backends.map((backend, place) => backend.waitFor(() => held[place]!.waiting.length > 0)))
    held.find(({ waiting }) => waiting.length > 0)!.answer()
  }
  for (const { over } of asked) t.match(await over, { status: 200 })
  t.same(backends.map(({ accepted }) => accepted), [2, 2])
})

t.test('pool.maxConnections bounds the whole target', async t => {
  const { held, backends, counts, target } = await rigOf(t, 3, { pool: { maxConnections: 4 } })
  const asked = Array.from({ length: 9 }, () => ask(target))
  const got = (): number => backends.reduce((sum, { requests }) => sum + requests, 0)
  while (got() < 4) await new Promise(setImmediate)
  t.match(counts(), { active: 4, pending: 5, connecting: 0 })
  for (let done = 0; done < 9; done++) {
    while (!held.some(({ waiting }) => waiting.length > 0)) await new Promise(setImmediate)
    t.ok(backends.reduce((sum, { open }) => sum + open, 0) <= 4)
    held.find(({ waiting }) => waiting.length > 0)!.answer()
  }
  for (const { over } of asked) t.match(await over, { status: 200 })
  t.equal(backends.reduce((sum, { accepted }) => sum + accepted, 0), 4)
})

t.test('at pool.maxConnections, the connection of all endpoints that was idle longest makes room', async t => {
  const { backends, counts, target, events, addresses } = await rigOf(t, 3, { pool: { maxConnections: 2 } }, serve)
  for (const pinned of [addresses[0]!, addresses[1]!]) t.match(await ask(target, { pinned }).over, { status: 200 })
  await events.until(() => counts().idle === 2)
  t.match(await ask(target, { pinned: addresses[2]! }).over, { status: 200 })
  t.same(events.closes, [{ endpoint: target.snapshot().endpoints[0]!.id, reason: 'evicted' }])
  t.match(counts(), { active: 0, idle: 2 })
  await backends[0]!.waitFor(({ open }) => open === 0)
})

t.test('fewer connections than endpoints: each request is served, though each may need another connection', async t => {
  const { counts, target, addresses, backends } = await rigOf(t, 4, { pool: { maxConnections: 1 } }, serve)
  for (let n = 0; n < 12; n++) {
    t.match(await ask(target, { pinned: addresses[n % 4]! }).over, { status: 200 })
    t.ok(counts().idle + counts().active <= 1)
  }
  const asked = Array.from({ length: 12 }, (_, n) => ask(target, n % 2 === 0 ? {} : { pinned: addresses[n % 4]! }))
  for (const { over } of asked) t.match(await over, { status: 200 })
  t.equal(backends.reduce((sum, { requests }) => sum + requests, 0), 24)
})

t.test('pool.maxConnections holds in the middle of a change of addresses', async t => {
  const { held, backends, counts, taken, target, urls, addresses } = await rigOf(t, 4, { pool: { maxConnections: 2 } })
  target.endpoints.set(urls.slice(0, 2))
  const asked = [ask(target), ask(target)]
  await Promise.all([0, 1].map(place => backends[place]!.waitFor(({ requests }) => requests === 1)))
  target.endpoints.set(urls.slice(2))
  const waiting = [ask(target), ask(target), ask(target)]
  t.match(counts(), { active: 2, connecting: 0, pending: 3 })
  held[0]!.answer()
  t.match(await asked.find(({ at }) => at === addresses[0])!.over, { status: 200 })
  await Promise.any([2, 3].map(place => backends[place]!.waitFor(({ requests }) => requests === 1)))
  t.ok(taken() <= 2)
  t.equal(counts().pending, 2)
  held[1]!.answer()
  t.match(await asked.find(({ at }) => at === addresses[1])!.over, { status: 200 })
  for (let done = 0; done < 3; done++) {
    while (!held.some(({ waiting }) => waiting.length > 0)) await new Promise(setImmediate)
    t.ok(taken() <= 2)
    held.find(({ waiting }) => waiting.length > 0)!.answer()
  }
  for (const { over } of waiting) t.match(await over, { status: 200 })
  t.same(target.snapshot().endpoints.map(({ address }) => address), addresses.slice(2))
})

t.test('the counts of a target are sums over its endpoints, leaving ones too', async t => {
  const { held, backends, counts, target, urls, addresses } = await rigOf(t, 3)
  const asked = addresses.map(pinned => ask(target, { pinned }))
  await Promise.all(backends.map(backend => backend.waitFor(({ requests }) => requests === 1)))
  target.endpoints.set(urls.slice(1))
  const { endpoints } = target.snapshot()
  t.equal(endpoints.length, 3)
  for (const name of ['active', 'idle', 'connecting', 'upgraded'] as const) {
    t.equal(endpoints.reduce((sum, { connections }) => sum + connections[name], 0), counts()[name])
  }
  for (const one of held) one.answer()
  for (const { over } of asked) t.match(await over, { status: 200 })
})

t.test('a lowered maxConnections closes idle connections, whichever endpoint has them', async t => {
  const { counts, target, events, addresses } = await rigOf(t, 3, {}, serve)
  for (const pinned of addresses) await ask(target, { pinned }).over
  await events.until(() => counts().idle === 3)
  target.update({ pool: { maxConnections: 1 } })
  t.equal(counts().idle, 1)
  t.same(events.closes.map(({ reason }) => reason), ['updated', 'updated'])
  t.equal(target.snapshot().endpoints[2]!.connections.idle, 1, 'the latest one stays')
})

t.test('maxDials is an endpoint\'s', async t => {
  const dialling = new Dialling()
  const { backends, counts, target } = await rigOf(t, 2, { undiciOptions: dialling.options, pool: { maxDials: 1 } }, serve)
  for (const backend of backends) dialling.way(backend, 'hold')
  const asked = Array.from({ length: 5 }, () => ask(target))
  t.match(counts(), { connecting: 2, pending: 3 })
  t.same(new Set(dialling.held.map(({ port }) => port)).size, 2)
  while (asked.some(({ isOver }) => !isOver)) {
    dialling.held.shift()?.go()
    t.ok(target.snapshot().endpoints.every(({ connections: { connecting } }) => connecting <= 1))
    await new Promise(setImmediate)
  }
  for (const { over } of asked) t.match(await over, { status: 200 })
})

t.test('maxUpgraded is an endpoint\'s, and an upgrade goes where there is room', async t => {
  const { target, addresses } = await rigOf(t, 2, { pool: { maxUpgraded: 2 } }, upgrades)
  const tunnels = []
  for (let n = 0; n < 4; n++) tunnels.push(await ask(target, { upgrade: 'echo' }).over)
  t.same(tunnels.map(({ at }) => at).sort(), [...addresses, ...addresses].sort())
  t.same(target.snapshot().endpoints.map(({ connections: { upgraded } }) => upgraded), [2, 2])
  tunnels[1]!.socket!.destroy()
  while (target.snapshot().connections.upgraded > 3) await new Promise(setImmediate)
  const next = await ask(target, { upgrade: 'echo' }).over
  t.match(next, { status: 101, at: tunnels[1]!.at })
  for (const { socket } of [...tunnels, next]) socket!.destroy()
})

t.test('an upgrade is refused at once where no endpoint has room for one', async t => {
  const { target, addresses } = await rigOf(t, 2, { pool: { maxUpgraded: 1 } }, upgrades)
  const tunnels = [await ask(target, { upgrade: 'echo' }).over, await ask(target, { upgrade: 'echo' }).over]
  const refused = ask(target, { upgrade: 'echo' })
  t.ok(refused.isOver)
  t.equal(refused.code, 'HOLDFAST_ERR_TOO_MANY_UPGRADES')
  t.equal(ask(target, { upgrade: 'echo', pinned: addresses[0]! }).code, 'HOLDFAST_ERR_TOO_MANY_UPGRADES')
  t.equal(target.snapshot().connections.pending, 0)
  for (const { socket } of tunnels) socket!.destroy()
})

t.test('maxPending and pendingTimeout are the target\'s', async t => {
  const options = { undiciOptions: { connections: 1 }, pool: { maxPending: 2, pendingTimeout: 50 } }
  const { held, backends, counts, target } = await rigOf(t, 2, options)
  const asked = Array.from({ length: 5 }, () => ask(target))
  t.equal(counts().pending, 2)
  t.equal(asked[4]!.code, 'HOLDFAST_ERR_QUEUE_FULL')
  for (const { over } of asked.slice(2, 4)) t.match(await over, { code: 'HOLDFAST_ERR_QUEUE_TIMEOUT' })
  await Promise.all(backends.map(backend => backend.waitFor(({ requests }) => requests === 1)))
  for (const one of held) one.answer()
  for (const { over } of asked.slice(0, 2)) t.match(await over, { status: 200 })
  t.match(counts(), { pending: 0 })
})

t.test('requests that wait for room get it at an endpoint that is new', async t => {
  const { held, backends, counts, target, urls } = await rigOf(t, 2, { undiciOptions: { connections: 1 } })
  target.endpoints.set([urls[0]!])
  const asked = [ask(target), ask(target)]
  await backends[0]!.waitFor(({ requests }) => requests === 1)
  t.equal(counts().pending, 1)
  target.endpoints.set(urls)
  await backends[1]!.waitFor(({ requests }) => requests === 1)
  for (const one of held) one.answer()
  for (const { over } of asked) t.match(await over, { status: 200 })
})

t.test('requests that wait for room get it at another endpoint when theirs dies', async t => {
  const { held, backends, counts, target } = await rigOf(t, 2, { undiciOptions: { connections: 1 }, ejection: false })
  const busy = [ask(target), ask(target)]
  await Promise.all(backends.map(backend => backend.waitFor(({ requests }) => requests === 1)))
  const waiting = [ask(target), ask(target)]
  t.equal(counts().pending, 2)
  await kill(backends[0]!)
  for (let n = 0; n < 4; n++) {
    await backends[1]!.waitFor(() => held[1]!.waiting.length > 0)
    held[1]!.answer()
    if (busy.every(({ isOver }) => isOver) && waiting.every(({ isOver }) => isOver)) break
  }
  for (const { over } of [...busy, ...waiting]) t.match(await over, { status: 200 })
})

t.test('with fewer connections than endpoints, requests take those that are there, and do not close them for others', async t => {
  const backends = await backendsFor(t, 10)
  const { target, events } = targetFor(t, backends, { pool: { maxConnections: 3 } })
  await placesOf(target, 100)
  t.ok(events.openedAt.length < 20, `${events.openedAt.length} dials for 100 requests`)
})
