import t from 'tap'
import type { BackendScript } from '../../testing/backend.js'
import { ask, placesOf } from './ask.js'
import { targetFor } from './rig.js'
import { addressOf, backendsFor, kill, serve } from './scripted.js'

const CHECK = { healthCheck: { path: '/health', interval: 20, timeout: 2_000, rise: 2, fall: 3 } }

/** A server whose health the test sets. */
class Checked {
  status = 200
  checks = 0
  /** Checks whose answers are held. */
  held: (() => void)[] | undefined
  readonly script: BackendScript = (request, connection) => {
    if (request.path !== '/health') return connection.reply()
    this.checks++
    const { status } = this
    const answer = (): void => {
      connection.reply({ status, headers: { Connection: 'close' } })
      connection.end()
    }
    if (this.held === undefined) answer()
    else this.held.push(answer)
  }
}

t.test('an endpoint gets its first requests when a check has passed, if others serve', async t => {
  const servers = [new Checked(), new Checked()]
  servers[0]!.held = []
  const backends = await backendsFor(t, 2, place => servers[place]!.script)
  const [one, other] = backends.map(addressOf) as [string, string]
  const { target, events } = targetFor(t, backends, { ...CHECK, balance: 'round-robin' })
  await events.until(() => events.last(other) === 'joining -> up: a health check passed')
  t.same(new Set(await placesOf(target, 10)), new Set([other]))
  t.equal(events.last(one), ' -> joining: listed', 'requests say nothing')
  await backends[0]!.waitFor(() => servers[0]!.held!.length > 0)
  servers[0]!.held.shift()!()
  await events.until(() => events.last(one) === 'joining -> up: a health check passed')
  t.same(new Set(await placesOf(target, 10)), new Set([one, other]))
})

t.test('before any check has passed, requests are served all the same', async t => {
  const servers = [new Checked(), new Checked()]
  for (const server of servers) server.held = []
  const backends = await backendsFor(t, 2, place => servers[place]!.script)
  const { target } = targetFor(t, backends, CHECK)
  t.match(await ask(target).over, { status: 200 })
})

t.test('checks that fail take an endpoint out after fall of them, and rise of them bring it back; requests do not', async t => {
  const servers = [new Checked(), new Checked()]
  const backends = await backendsFor(t, 2, place => servers[place]!.script)
  const [one, other] = backends.map(addressOf) as [string, string]
  const { target, events } = targetFor(t, backends, { ...CHECK, balance: 'round-robin' })
  await events.until(() => events.changes.filter(({ to }) => to === 'up').length === 2)

  servers[0]!.status = 503
  const { checks } = servers[0]!
  await events.until(() => events.last(one) === 'up -> ejected: health check: 503')
  t.ok(servers[0]!.checks - checks >= 3)
  t.match(target.snapshot().endpoints[0], { state: 'ejected', cause: 'health check: 503' })
  t.match(await ask(target, { pinned: one }).over, { status: 200 })
  t.same(new Set(await placesOf(target, 20)), new Set([other]))
  t.equal(target.snapshot().endpoints[0]!.state, 'ejected')

  servers[0]!.status = 204
  const failed = servers[0]!.checks
  await events.until(() => events.last(one) === 'ejected -> up: after health check: 503')
  t.ok(servers[0]!.checks - failed >= 2)
  t.same(new Set(await placesOf(target, 20)), new Set([one, other]))
})

t.test('checks have connections of their own, which count nowhere', async t => {
  const seen: { connection: string | undefined, host: string | undefined }[] = []
  const server = new Checked()
  const [backend] = await backendsFor(t, 1, () => (request, connection) => {
    if (request.path === '/health') seen.push({ connection: request.header('connection'), host: request.header('host') })
    return (server.script as (...args: unknown[]) => void)(request, connection)
  })
  const { target, events } = targetFor(t, [backend!], CHECK)
  await backend!.waitFor(() => server.checks >= 5)
  t.same(new Set(seen.map(({ connection }) => connection)), new Set(['close']))
  t.same(new Set(seen.map(({ host }) => host)), new Set([new URL(target.origin).host]))
  t.ok(backend!.accepted >= 5, 'one for each')
  t.same([events.openedAt, events.closes, events.acquiredAt], [[], [], []])
  const { connections, totals, endpoints: [endpoint] } = target.snapshot()
  t.match(connections, { active: 0, idle: 0, connecting: 0 })
  t.equal(totals.opened, 0)
  t.match(endpoint, { requests: 0, connections: { active: 0, idle: 0, connecting: 0 } })
})

t.test('a server that is dead fails its checks with the code of the dial, and is out though it gets no request', async t => {
  const servers = [new Checked(), new Checked()]
  const backends = await backendsFor(t, 2, place => servers[place]!.script)
  const [one] = backends.map(addressOf) as [string]
  const { events } = targetFor(t, backends, CHECK)
  await events.until(() => events.changes.filter(({ to }) => to === 'up').length === 2)
  await kill(backends[0]!)
  await events.until(() => events.last(one) === 'up -> ejected: health check: ECONNREFUSED')
  await backends[0]!.listen()
  await events.until(() => events.last(one) === 'ejected -> up: after health check: ECONNREFUSED')
})

t.test('checks take out no more than maxEjected, and the room that is free later is used', async t => {
  const servers = [new Checked(), new Checked()]
  const backends = await backendsFor(t, 2, place => servers[place]!.script)
  const [one, other] = backends.map(addressOf) as [string, string]
  const { target, events } = targetFor(t, backends, CHECK)
  await events.until(() => events.changes.filter(({ to }) => to === 'up').length === 2)
  servers[0]!.status = 500
  await events.until(() => events.last(one) === 'up -> ejected: health check: 500')
  servers[1]!.status = 501
  const { checks } = servers[1]!
  await backends[1]!.waitFor(() => servers[1]!.checks > checks + 5)
  t.equal(target.snapshot().endpoints[1]!.state, 'up')
  servers[0]!.status = 200
  await events.until(() => events.last(other) === 'up -> ejected: health check: 501')
  t.equal(events.last(one), 'ejected -> up: after health check: 500')
})

t.test('checks of an endpoint end with it, and all of them with their target', async t => {
  const servers = [new Checked(), new Checked()]
  const backends = await backendsFor(t, 2, place => servers[place]!.script)
  const [one] = backends.map(addressOf) as [string]
  const { target, events } = targetFor(t, backends, CHECK)
  await events.until(() => events.changes.filter(({ to }) => to === 'up').length === 2)
  servers[0]!.held = []
  await backends[0]!.waitFor(() => servers[0]!.held!.length === 1)
  target.endpoints.set([backends[1]!.url])
  await events.until(() => events.last(one)?.startsWith('leaving -> gone') === true)
  await backends[0]!.waitFor(({ open }) => open === 0)
  const { checks } = servers[0]!
  const others = servers[1]!.checks
  await backends[1]!.waitFor(() => servers[1]!.checks > others + 5)
  t.equal(servers[0]!.checks, checks)

  servers[1]!.held = []
  await backends[1]!.waitFor(() => servers[1]!.held!.length === 1)
  await target.close()
  await backends[1]!.waitFor(({ open }) => open === 0)
  t.equal(servers[1]!.held.length, 1)
})

t.test('without healthCheck, an endpoint is never asked', async t => {
  const backends = await backendsFor(t, 2, () => serve)
  const { target } = targetFor(t, backends)
  await placesOf(target, 10)
  for (const { log } of backends) t.ok(log.every(({ path }) => path === '/'))
})
