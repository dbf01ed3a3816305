import t from 'tap'
import type { Test } from 'tap'
import type { TargetOptions } from '../../src/index.js'
import type { BackendScript } from '../../testing/backend.js'
import { ask, placesOf } from './ask.js'
import type { Asked, Asking } from './ask.js'
import { Clock } from './clock.js'
import { targetFor } from './rig.js'
import { Held, addressOf, backendsFor, heldOrServed, kill, resetWhile, serve } from './scripted.js'

const SECRET = 'a secret of at least thirty-two characters'
const NEWER = 'another secret of thirty-two characters'

async function rigOf (t: Test, scripts: readonly BackendScript[], options: TargetOptions = {}) {
  const backends = await backendsFor(t, scripts.length, place => scripts[place]!)
  const clock = new Clock()
  const affine = { balance: 'round-robin', affinity: { cookie: 'seat', secret: SECRET } } as const
  const rig = targetFor(t, backends, { ...affine, ...options }, { clock: clock.read })
  return { backends, addresses: backends.map(addressOf), clock, ...rig }
}

/** The `Cookie` header of a client that has got this `Set-Cookie`. */
function cookieOf ({ cookie }: Asking): string {
  return cookie!.split(';', 1)[0]!
}

function bound (cookie: string, asked: Asked = {}): Asked {
  return { ...asked, headers: { cookie } }
}

t.test('the first response sets a cookie that binds the client to its endpoint, and later ones do not', async t => {
  const { target, addresses } = await rigOf(t, [serve, serve, serve])
  const used = new Set<string>()
  for (let client = 0; client < 6; client++) {
    const first = await ask(target, { ip: '10.0.0.1' }).over
    t.match(first.cookie, /^seat=e[a-z2-7]{10}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
    used.add(first.at!)
    for (let n = 0; n < 8; n++) {
      const asking = await ask(target, { ...bound(cookieOf(first)), ...n % 2 === 0 ? {} : { ip: `10.0.0.${n}` } }).over
      t.match(asking, { status: 200, at: first.at, cookie: undefined })
    }
  }
  t.same(used, new Set(addresses))
})

t.test('a cookie among others, or in quotes, or twice, is read as the first genuine one', async t => {
  const { target } = await rigOf(t, [serve, serve, serve])
  const first = await ask(target).over
  const cookie = cookieOf(first)
  for (const header of [`a=b; ${cookie}; c=d`, `seat=forged; ${cookie}`, `${cookie}; seat=forged`]) {
    for (let n = 0; n < 4; n++) t.match(await ask(target, bound(header)).over, { at: first.at, cookie: undefined })
  }
})

t.test('a cookie that is forged binds no client: the client gets one of its own', async t => {
  const { target } = await rigOf(t, [serve, serve])
  const first = await ask(target).over
  const cookie = cookieOf(first)
  const other = target.snapshot().endpoints.find(({ address }) => address !== first.at)!.id
  const forged = [
    `seat=${other}.${cookie.split('.')[1]}`, `seat=${other}`, `seat=${other}.`, 'seat=', 'seat=.', `${cookie}x`, cookie.slice(0, -1),
    `seats=${cookie.slice(5)}`, `seat="${cookie.slice(5)}"`, `seat=${first.at}`, `seat=${'x'.repeat(10_000)}`
  ]
  for (const header of forged) {
    const places = new Set<string>()
    for (let n = 0; n < 4; n++) {
      const asking = await ask(target, bound(header)).over
      t.equal(asking.status, 200)
      t.match(asking.cookie, /^seat=e/, header.slice(0, 40))
      places.add(asking.at!)
    }
    t.equal(places.size, 2, 'anywhere')
  }
})

t.test('replicas with the same secret agree; another secret, or another cookie, makes other seals', async t => {
  const { target, backends } = await rigOf(t, [serve, serve])
  const first = await ask(target).over
  const same = targetFor(t, backends, { balance: 'round-robin', affinity: { cookie: 'seat', secret: SECRET } }).target
  for (let n = 0; n < 4; n++) t.match(await ask(same, bound(cookieOf(first))).over, { at: first.at, cookie: undefined })
  const other = targetFor(t, backends, { balance: 'round-robin', affinity: { cookie: 'seat', secret: NEWER } }).target
  t.match(await ask(other, bound(cookieOf(first))).over, { cookie: /^seat=e/ })
  const named = targetFor(t, backends, { balance: 'round-robin', affinity: { cookie: 'place', secret: SECRET } }).target
  t.match(await ask(named, bound(cookieOf(first).replace('seat', 'place'))).over, { cookie: /^place=e/ })
})

t.test('a cookie of an old secret still binds, and is set again with the new one', async t => {
  const { target, backends } = await rigOf(t, [serve, serve, serve])
  // Ids depend on the first secret, so the old cookie has an id that the endpoint has no longer.
  const old = await ask(target).over
  const rotated = targetFor(t, backends, { balance: 'round-robin', affinity: { cookie: 'seat', secret: [NEWER, SECRET] } }).target
  const asking = await ask(rotated, bound(cookieOf(old))).over
  t.match(asking, { status: 200, at: old.at })
  t.match(asking.cookie, /^seat=e/)
  for (let n = 0; n < 6; n++) t.match(await ask(rotated, bound(cookieOf(asking))).over, { at: old.at, cookie: undefined })
  // A replica that is not yet restarted has the new secret second.
  const before = targetFor(t, backends, { balance: 'round-robin', affinity: { cookie: 'seat', secret: [SECRET, NEWER] } }).target
  for (let n = 0; n < 4; n++) t.match(await ask(before, bound(cookieOf(asking))).over, { at: old.at, cookie: /^seat=e/ })
  rotated.endpoints.set([backends.find(backend => addressOf(backend) !== old.at)!.url])
  const again = await ask(rotated, bound(cookieOf(old))).over
  t.match(again, { status: 200, cookie: /^seat=e/ }, 'an endpoint that is gone is gone by all its ids')
})

t.test('requests that are bound to a draining endpoint still go there, over its connections, and others do not', async t => {
  const { target, addresses, backends } = await rigOf(t, [serve, serve])
  const clients = [await ask(target).over, await ask(target).over]
  const [one, other] = clients.map(cookieOf) as [string, string]
  const drained = clients[0]!.at!
  target.endpoints.drain(drained)
  const staying = addresses.find(address => address !== drained)!
  for (let n = 0; n < 10; n++) {
    t.match(await ask(target, bound(one)).over, { status: 200, at: drained, cookie: undefined })
    t.match(await ask(target, bound(other)).over, { status: 200, at: staying })
    t.match(await ask(target).over, { status: 200, at: staying })
  }
  t.equal(backends[addresses.indexOf(drained)]!.accepted, 1)
})

t.test('bound requests go to an endpoint that is leaving for discovery too, until it is gone', async t => {
  const held = new Held()
  const { target, addresses, backends, events } = await rigOf(t, [heldOrServed(held), serve])
  const client = await ask(target, { pinned: addresses[0]! }).over
  t.equal(client.cookie, undefined, 'what was sent there by name is not bound')
  let first = await ask(target).over
  if (first.at !== addresses[0]) first = await ask(target).over
  const busy = ask(target, { path: '/held', pinned: addresses[0]! })
  await backends[0]!.waitFor(() => held.waiting.length === 1)
  target.endpoints.set([backends[1]!.url])
  t.match(await ask(target, bound(cookieOf(first))).over, { status: 200, at: addresses[0], cookie: undefined })
  held.answer()
  await busy.over
  await events.until(() => target.snapshot().endpoints.length === 1)
  t.match(await ask(target, bound(cookieOf(first))).over, { status: 200, at: addresses[1], cookie: /^seat=e/ })
})

t.test('a client whose endpoint is ejected is bound to another one', async t => {
  const { target } = await rigOf(t, [serve, serve, serve])
  const first = await ask(target).over
  target.endpoints.eject(first.at!)
  const again = await ask(target, bound(cookieOf(first))).over
  t.not(again.at, first.at)
  t.match(again.cookie, /^seat=e/)
  target.endpoints.restore(first.at!)
  for (let n = 0; n < 6; n++) {
    t.match(await ask(target, bound(cookieOf(again))).over, { at: again.at, cookie: undefined }, 'and stays there')
  }
})

t.test('a client whose endpoint refuses dials is bound to another one within the same request, whatever the method', async t => {
  const { target, backends, addresses, events } = await rigOf(t, [serve, serve])
  const first = await ask(target).over
  await kill(backends[addresses.indexOf(first.at!)]!)
  const again = await ask(target, { ...bound(cookieOf(first)), method: 'POST', body: 'x' }).over
  t.match(again, { status: 200, cookie: /^seat=e/ })
  t.not(again.at, first.at)
  t.same(events.dialsFailed, ['ECONNREFUSED'])
  t.match(await ask(target, bound(cookieOf(first))).over, { status: 200, at: again.at })
  t.equal(events.dialsFailed.length, 1, 'it is not dialled again for that')
})

t.test('a bound request whose connection was stale stays at its endpoint', async t => {
  const stale: BackendScript = (request, connection) => request.nth > 1 ? connection.reset() : connection.reply()
  const { target, events } = await rigOf(t, [stale, stale])
  const first = await ask(target).over
  for (let n = 0; n < 6; n++) {
    const asking = await ask(target, bound(cookieOf(first))).over
    t.match(asking, { status: 200, at: first.at, cookie: undefined })
  }
  t.ok(events.retries.length >= 3)
  t.ok(events.retries.every(kind => kind === 'stale'))
})

t.test('a bound request that a fresh connection has lost is bound to the other endpoint', async t => {
  let broken = false
  const { target, addresses, backends } = await rigOf(t, [resetWhile(() => broken), serve])
  let first = await ask(target).over
  if (first.at !== addresses[0]) first = await ask(target).over
  broken = true
  target.evict()
  const again = await ask(target, bound(cookieOf(first))).over
  t.match(again, { status: 200, at: addresses[1], cookie: /^seat=e/ })
  t.match(again.provenance.retries, ['fresh'])
  t.equal(backends[0]!.requests, 2)
})

t.test('a bound request waits for its own endpoint, though another has room', async t => {
  const held = new Held()
  const { target, addresses, backends } = await rigOf(t, [heldOrServed(held), serve], { undiciOptions: { connections: 1 } })
  let first = await ask(target).over
  if (first.at !== addresses[0]) first = await ask(target).over
  const busy = ask(target, bound(cookieOf(first), { path: '/held' }))
  await backends[0]!.waitFor(() => held.waiting.length === 1)
  const waiting = ask(target, bound(cookieOf(first)))
  t.same(new Set(await placesOf(target, 4)), new Set([addresses[1]]))
  t.notOk(waiting.isOver)
  t.equal(target.snapshot().connections.pending, 1)
  held.answer()
  t.match(await busy.over, { status: 200 })
  t.match(await waiting.over, { status: 200, at: addresses[0] })
})

t.test('bound requests are right through a hundred drains and returns of endpoints', async t => {
  const { target, addresses } = await rigOf(t, [serve, serve, serve, serve])
  const clients = await Promise.all(Array.from({ length: 8 }, () => ask(target).over))
  for (let n = 0; n < 100; n++) {
    const address = addresses[n % 4]!
    target.endpoints.drain(address)
    const asked = await Promise.all(clients.map(client => ask(target, bound(cookieOf(client))).over))
    for (const [place, asking] of asked.entries()) {
      const isRight = asking.at === clients[place]!.at && asking.cookie === undefined
      if (!isRight) t.fail(`drain ${n}, client ${place}: ${asking.result} at ${asking.at}`)
    }
    if ((await ask(target).over).at === address) t.fail(`drain ${n}: a free request goes there`)
    target.endpoints.undrain(address)
  }
})
