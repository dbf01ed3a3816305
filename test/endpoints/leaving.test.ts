import t from 'tap'
import type { Test } from 'tap'
import type { Target, TargetOptions } from '../../src/index.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import { ask, placesOf } from './ask.js'
import { Clock } from './clock.js'
import { targetFor } from './rig.js'
import { Held, addressOf, backendsFor, kill, serve } from './scripted.js'

/** A target of scripted backends. The first one is the one that leaves. */
async function rigOf (t: Test, scripts: readonly BackendScript[], options: TargetOptions = {}) {
  const backends = await backendsFor(t, scripts.length, place => scripts[place]!)
  const addresses = backends.map(addressOf)
  const clock = new Clock()
  const rig = targetFor(t, backends, { balance: 'round-robin', ...options }, { clock: clock.read })
  const stateOf = (place: number) => rig.target.snapshot().endpoints.find(({ address }) => address === addresses[place])
  const idOf = (place: number): string => stateOf(place)!.id
  return { backends, addresses, clock, stateOf, idOf, at: addresses[0]!, urls: backends.map(({ url }) => url), ...rig }
}

/** Agrees to each upgrade, and answers other requests. */
const tunnels: BackendScript = (request, connection) => {
  if (request.header('upgrade') === undefined) return connection.reply()
  connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  connection.takeOver()
}

t.test('an endpoint that the list lacks closes its idle connections, and is gone', async t => {
  const { target, events, at, urls, idOf, backends } = await rigOf(t, [serve, serve])
  await placesOf(target, 4)
  const id = idOf(0)
  target.endpoints.set([urls[1]!])
  t.same(events.of(at).slice(-2), ['up -> leaving: no longer listed', 'leaving -> gone: no longer listed, and nothing of it is left'])
  t.same(events.drained, [id])
  t.same(events.closes, [{ endpoint: id, reason: 'endpoint_gone' }])
  t.equal(target.snapshot().endpoints.length, 1)
  await backends[0]!.waitFor(({ open }) => open === 0)
  t.notOk((await placesOf(target, 10)).includes(at))
  for (const named of [id, at]) t.throws(() => target.endpoints.drain(named), { code: 'HOLDFAST_ERR_UNKNOWN_ENDPOINT' })
})

t.test('an endpoint that the list lacks finishes its requests; each connection closes when it is returned', async t => {
  const held = new Held()
  const { backends, target, events, at, urls, idOf, stateOf } = await rigOf(t, [held.script, serve])
  const asked = [ask(target, { pinned: at }), ask(target, { pinned: at })]
  await backends[0]!.waitFor(({ requests }) => requests === 2)
  const id = idOf(0)
  target.endpoints.set([urls[1]!])
  t.match(stateOf(0), { state: 'leaving', drained: false, cause: 'no longer listed', connections: { active: 2 } })
  t.notOk((await placesOf(target, 10)).includes(at))
  held.answer()
  t.match(await asked[0]!.over, { status: 200 })
  t.match(stateOf(0), { state: 'leaving', connections: { active: 1, idle: 0 } })
  t.same(events.drained, [])
  held.answer()
  t.match(await asked[1]!.over, { status: 200 })
  await events.until(() => events.last(at)!.startsWith('leaving -> gone'))
  t.same(events.drained, [id])
  t.same(events.closes.filter(({ endpoint }) => endpoint === id).map(({ reason }) => reason), ['endpoint_gone', 'endpoint_gone'])
})

t.test('a drained endpoint gets no new requests, whatever is the name that it is drained by', async t => {
  const { target, events, addresses, idOf, stateOf } = await rigOf(t, [serve, serve, serve])
  await placesOf(target, 6)
  target.endpoints.drain(idOf(0))
  target.endpoints.drain(addresses[1]!)
  t.same(events.drained, [idOf(0), idOf(1)])
  for (const place of [0, 1]) t.match(stateOf(place), { state: 'leaving', drained: true, cause: 'drained by an operator' })
  t.same(new Set(await placesOf(target, 10)), new Set([addresses[2]]))
  target.endpoints.drain(addresses[0]!)
  t.equal(events.drained.length, 2, 'told once')
  target.endpoints.undrain(idOf(0))
  t.equal(events.last(addresses[0]!), 'leaving -> up: undrained by an operator')
  t.match(stateOf(0), { state: 'up', drained: false })
  t.same(new Set(await placesOf(target, 10)), new Set([addresses[0], addresses[2]]))
  target.endpoints.drain(addresses[0]!)
  t.equal(events.drained.length, 3, 'told again of another drain')
})

t.test('a tunnel keeps a leaving endpoint until it ends', async t => {
  const { backends, target, events, at, urls, idOf, stateOf } = await rigOf(t, [tunnels, tunnels])
  const [one, other] = await Promise.all([0, 1].map(() => ask(target, { upgrade: 'echo' }).over))
  t.not(one!.at, other!.at)
  const tunnel = one!.at === at ? one! : other!
  const id = idOf(0)
  target.endpoints.drain(at)
  await placesOf(target, 4)
  t.match(stateOf(0), { state: 'leaving', drained: false, connections: { upgraded: 1 } })
  target.endpoints.set([urls[1]!])
  t.match(stateOf(0), { state: 'leaving', drained: false })
  tunnel.socket!.write('still here')
  await new Promise<void>(resolve => {
    const { socket } = backends[0]!.connections.find(({ socket }) => !socket.destroyed && socket.listenerCount('data') > 0)!
    socket.on('data', (bytes: Buffer) => { if (bytes.toString() === 'still here') resolve() })
  })
  tunnel.socket!.destroy()
  await events.until(() => events.last(at)!.startsWith('leaving -> gone'))
  t.same(events.drained, [id])
  other!.socket!.destroy()
})

t.test('a response that streams is finished by an endpoint that leaves', async t => {
  const { backends, target, events, at, urls } = await rigOf(t, [(_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc')
  }, serve])
  const asking = await ask(target, { pinned: at }).begun
  target.endpoints.set([urls[1]!])
  t.equal(events.last(at), 'up -> leaving: no longer listed')
  backends[0]!.connections[0]!.write('def')
  t.match(await asking.over, { status: 200, body: 'abcdef' })
  await events.until(() => events.last(at)!.startsWith('leaving -> gone'))
})

t.test('an endpoint that is listed again while it leaves is the same one', async t => {
  const held = new Held()
  const { backends, target, events, at, urls, idOf, stateOf } = await rigOf(t, [held.script, serve])
  const asking = ask(target, { pinned: at })
  await backends[0]!.waitFor(({ requests }) => requests === 1)
  const id = idOf(0)
  target.endpoints.set([urls[1]!])
  target.endpoints.set(urls)
  t.equal(events.last(at), 'leaving -> joining: listed again')
  t.match(stateOf(0), { id, drained: false, connections: { active: 1 } })
  held.answer()
  t.match(await asking.over, { status: 200 })
  await events.until(() => stateOf(0)!.connections.idle === 1)
  const next = ask(target, { pinned: at })
  await backends[0]!.waitFor(({ requests }) => requests === 2)
  held.answer()
  t.match(await next.over, { status: 200 })
  t.equal(backends[0]!.accepted, 1, 'over the connection from before')
  t.same(events.drained, [])
})

t.test('what an operator drains stays drained though it is listed again', async t => {
  const { target, events, at, urls, addresses } = await rigOf(t, [serve, serve])
  await placesOf(target, 4)
  target.endpoints.drain(at)
  target.endpoints.set(urls)
  t.equal(events.last(at), 'up -> leaving: drained by an operator')
  t.same(new Set(await placesOf(target, 6)), new Set([addresses[1]]))
})

t.test('a list may say that an endpoint shuts down', async t => {
  const { target, events, at, urls, addresses } = await rigOf(t, [serve, serve])
  await placesOf(target, 4)
  target.endpoints.set([{ url: urls[0]!, leaving: true }, urls[1]!])
  t.equal(events.last(at), 'up -> leaving: discovery says that it shuts down')
  t.equal(events.drained.length, 1)
  t.same(new Set(await placesOf(target, 6)), new Set([addresses[1]]))
  t.equal(target.snapshot().endpoints.length, 2, 'it is listed')
  target.endpoints.set(urls)
  t.equal(events.last(at), 'leaving -> up: listed again')
})

t.test('where all are leaving, requests are served, over connections that are kept', async t => {
  const { backends, target, addresses } = await rigOf(t, [serve, serve])
  for (const address of addresses) target.endpoints.drain(address)
  await placesOf(target, 20)
  t.same(backends.map(({ accepted }) => accepted), [1, 1])
})

t.test('a leaving endpoint that answers comes before one that is ejected', async t => {
  const { target, addresses } = await rigOf(t, [serve, serve])
  target.endpoints.drain(addresses[0]!)
  target.endpoints.eject(addresses[1]!)
  t.same(new Set(await placesOf(target, 10)), new Set([addresses[0]]))
})

t.test('lists that cannot be are refused, and change nothing', async t => {
  const { target, urls } = await rigOf(t, [serve, serve])
  const before = target.snapshot().endpoints.map(({ id }) => id)
  const [url] = urls as [string]
  for (const list of [[], [url, url], [url, 'https://127.0.0.1:1'], [{ url, weight: 0 }], ['nothing'], 'http://a:1' as never]) {
    t.throws(() => target.endpoints.set(list), { code: 'HOLDFAST_ERR_OPTION' })
  }
  t.same(target.snapshot().endpoints.map(({ id }) => id), before)
})

/** Opens a connection that serves so many requests, while the others are in use, and lets it grow old. */
async function connectionOf (target: Target, { at, clock, requests }: { at: string, clock: Clock, requests: number }): Promise<void> {
  for (let n = 0; n < requests; n++) {
    const asking = await ask(target, { pinned: at, ip: `10.0.1.${n}` }).over
    if (asking.status !== 200) throw new Error(String(asking.result))
  }
  clock.pass(1_000)
}

/** A server of which each connection carries what was begun on it, until it stops: then it says close. */
class Stopping {
  isStopping = false
  held: Held | undefined
  readonly script: BackendScript = (request, connection) => {
    if (request.path === '/held') return this.held!.script(request, connection)
    connection.reply({ headers: this.isStopping ? { Connection: 'close' } : {} })
    if (this.isStopping) connection.end()
  }
}

/** Gives an endpoint three idle connections of different ages that have served different numbers of requests. */
async function threeConnections (
  target: Target, { at, clock, backend, server }: { at: string, clock: Clock, backend: Backend, server: Stopping }
): Promise<void> {
  const { accepted } = backend
  const held = server.held = new Held()
  const busy = []
  for (const requests of [3, 2, 1]) {
    await connectionOf(target, { at, clock, requests })
    busy.push(ask(target, { pinned: at, path: '/held' }))
    await backend.waitFor(() => held.waiting.length === busy.length)
  }
  while (held.waiting.length > 0) held.answer()
  for (const { over } of busy) await over
  if (backend.accepted !== accepted + 3) throw new Error(`${backend.accepted - accepted} connections`)
}

t.test('an endpoint that closes established connections, while the others do not, leaves; it returns when it keeps them', async t => {
  const server = new Stopping()
  const { backends, target, events, clock, at, addresses, stateOf } = await rigOf(t, [server.script, serve])
  await placesOf(target, 4, n => ({ ip: `10.0.0.${n}` }))
  await backends[0]!.waitFor(({ open }) => open === 1)
  target.evict()
  await backends[0]!.waitFor(({ open }) => open === 0)
  await threeConnections(target, { at, clock, backend: backends[0]!, server })
  server.isStopping = true
  for (let n = 0; n < 3; n++) {
    t.equal(stateOf(0)!.state, 'up', `after ${n} signs`)
    t.match(await ask(target, { pinned: at, ip: `10.0.0.${n}` }).over, { status: 200 })
  }
  t.equal(events.last(at), 'up -> leaving: it closes connections that it used to keep')
  t.same(new Set(await placesOf(target, 10)), new Set([addresses[1]]))

  clock.pass(1_000)
  const { requests } = backends[0]!
  t.same((await placesOf(target, 6)).filter(place => place === at).length, 1, 'one request finds out')
  t.equal(backends[0]!.requests, requests + 1)
  server.isStopping = false
  clock.pass(2_000)
  await placesOf(target, 1)
  t.equal(events.last(at), 'leaving -> up: it keeps connections again')
})

t.test('it does not leave where others show the same, or where one client alone has seen it', async t => {
  for (const alone of [false, true]) {
    const servers = [new Stopping(), new Stopping()]
    const { backends, target, clock, addresses, stateOf } = await rigOf(t, servers.map(({ script }) => script))
    for (const place of [0, 1]) {
      await threeConnections(target, { at: addresses[place]!, clock, backend: backends[place]!, server: servers[place]! })
      await ask(target, { pinned: addresses[place]!, ip: '10.0.0.99' }).over
    }
    servers[0]!.isStopping = true
    servers[1]!.isStopping = !alone
    for (let n = 0; n < 3; n++) {
      for (const pinned of addresses) t.match(await ask(target, { pinned, ip: alone ? '10.0.0.1' : `10.0.0.${n}` }).over, { status: 200 })
    }
    t.equal(stateOf(0)!.state, 'up', alone ? 'one client' : 'both')
    t.equal(stateOf(1)!.state, 'up')
  }
})

t.test('no client provokes it: by errors, by uploads, by HTTP/1.0 or by asking for a close', async t => {
  const server = new Stopping()
  const refuse: BackendScript = (request, connection) => {
    if (request.path === '/held' || !server.isStopping) return (server.script as (...args: unknown[]) => void)(request, connection)
    connection.reply({ status: request.path === '/404' ? 404 : 200, headers: { Connection: 'close' } })
    connection.end()
  }
  for (const asked of [{ path: '/404' }, { method: 'POST', body: 'x' }, { method: 'HEAD' }]) {
    const { backends, target, clock, at, stateOf } = await rigOf(t, [refuse, serve])
    server.isStopping = false
    await threeConnections(target, { at, clock, backend: backends[0]!, server })
    server.isStopping = true
    for (let n = 0; n < 3; n++) await ask(target, { pinned: at, ip: `10.0.0.${n}`, ...asked }).over
    t.equal(stateOf(0)!.state, 'up', JSON.stringify(asked))
  }
})

/** Has the first endpoint refuse a dial, and answer a later request over the connection from before. */
async function serveOn ({ target, events, at, backends }: Awaited<ReturnType<typeof rigOf>>, held: Held): Promise<void> {
  const { requests } = backends[0]!
  const first = ask(target, { pinned: at })
  await backends[0]!.waitFor(backend => backend.requests === requests + 1)
  backends[0]!.refuse()
  const second = ask(target, { pinned: at })
  await events.until(() => events.dialsFailed.length > 0)
  held.answer()
  await first.over
  await backends[0]!.waitFor(backend => backend.requests === requests + 2)
  held.answer()
  await second.over
}

t.test('an endpoint that refuses dials and serves on over its connections leaves', async t => {
  const held = new Held()
  const rig = await rigOf(t, [held.script, serve])
  const { target, events, at, addresses } = rig
  await serveOn(rig, held)
  t.equal(events.last(at), 'up -> leaving: its listener is closed, and it serves on')
  t.equal(events.closes.at(-1)?.reason, 'endpoint_gone')
  t.same(new Set(await placesOf(target, 10)), new Set([addresses[1]]))
})

t.test('an endpoint that leaves by evidence, and is started again, is back at once', async t => {
  const held = new Held()
  const rig = await rigOf(t, [held.script, serve])
  const { target, events, at, backends, clock, stateOf } = rig
  await serveOn(rig, held)
  t.match(stateOf(0), { state: 'leaving', refusing: true })
  await kill(backends[0]!)
  await backends[0]!.listen()
  clock.pass(250)
  await placesOf(target, 1)
  await events.until(() => stateOf(0)!.refusing === false)
  const { requests } = backends[0]!
  const asking = ask(target)
  await backends[0]!.waitFor(backend => backend.requests === requests + 1)
  held.answer()
  t.match(await asking.over, { status: 200, at })
  t.equal(events.last(at), 'leaving -> up: it keeps connections again')
})

t.test('undrain ends what the evidence had concluded', async t => {
  const held = new Held()
  const rig = await rigOf(t, [held.script, serve])
  const { target, events, at, stateOf } = rig
  await serveOn(rig, held)
  t.equal(stateOf(0)!.state, 'leaving')
  target.endpoints.undrain(at)
  t.equal(events.last(at), 'leaving -> up: undrained by an operator')
})
