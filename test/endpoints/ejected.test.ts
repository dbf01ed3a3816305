import t from 'tap'
import type { Test } from 'tap'
import { HoldfastError } from '../../src/index.js'
import type { TargetOptions } from '../../src/index.js'
import type { BackendScript } from '../../testing/backend.js'
import { StreamedBody } from '../../src/wire/streamed-body.js'
import { ask, placesOf } from './ask.js'
import { Clock } from './clock.js'
import { targetFor } from './rig.js'
import { Dialling, Held, addressOf, backendsFor, kill, resetWhile, serve } from './scripted.js'

// The longest first ejection, with its jitter, and a little more; in ms.
const FIRST = 11_500

const IMPATIENT: TargetOptions = { undiciOptions: { headersTimeout: 1_000 } }
const SETTINGS: TargetOptions = { balance: 'round-robin', ejection: { failures: 3, time: 10_000 } }

/** A target of scripted backends. The first one is the one that fails. */
async function rigOf (t: Test, scripts: readonly BackendScript[], options: TargetOptions = {}) {
  const backends = await backendsFor(t, scripts.length, place => scripts[place]!)
  const addresses = backends.map(addressOf)
  const clock = new Clock()
  const rig = targetFor(t, backends, { ...SETTINGS, ...options }, { clock: clock.read })
  const stateOf = (place: number) => rig.target.snapshot().endpoints[place]!
  return { backends, addresses, clock, stateOf, at: addresses[0]!, ...rig }
}

/** Resets the connection of each request. */
const lose: BackendScript = (_request, connection) => connection.reset()

t.test('refused dials eject: one probing dial each 250 ms, and the first that succeeds ends it', async t => {
  const { backends, target, events, clock, at, stateOf } = await rigOf(t, [serve, serve, serve])
  await placesOf(target, 6)
  await kill(backends[0]!)
  for (let failures = 1; failures <= 3; failures++) {
    while (events.dialsFailed.length < failures) await placesOf(target, 1)
    if (failures === 1) t.match(stateOf(0), { state: 'up', refusing: true, failures: 1 })
    const asked = await placesOf(target, 12)
    t.notOk(asked.includes(at), 'no request goes there')
    t.equal(events.dialsFailed.length, failures, 'no other dial for 250 ms')
    clock.pass(250)
  }
  t.equal(events.last(at), 'up -> ejected: 3 failures in a row: ECONNREFUSED')
  t.match(stateOf(0), { state: 'ejected', cause: '3 failures in a row: ECONNREFUSED', failures: 3 })
  await backends[0]!.listen()
  await placesOf(target, 1)
  await events.until(() => stateOf(0).state === 'up')
  t.equal(events.last(at), 'ejected -> up: after 3 failures in a row: ECONNREFUSED')
  t.ok((await placesOf(target, 3)).includes(at))
  t.same(events.retries.filter(kind => kind !== 'connect' && kind !== 'stale'), [])
})

t.test('failed dials eject; a dial probes when the time has passed, and each time takes longer', async t => {
  const dialling = new Dialling()
  const { backends, target, events, clock, at, stateOf } = await rigOf(t, [serve, serve, serve], { undiciOptions: dialling.options })
  dialling.way(backends[0]!, 'EHOSTUNREACH')
  await placesOf(target, 9)
  t.same(events.of(at), [' -> joining: listed', 'joining -> ejected: 3 failures in a row: EHOSTUNREACH'])
  t.equal(dialling.to(backends[0]!), 3)
  clock.pass(8_500)
  t.notOk((await placesOf(target, 9)).includes(at))
  t.equal(dialling.to(backends[0]!), 3, 'not before its time')
  clock.pass(3_000)
  t.notOk((await placesOf(target, 9)).includes(at))
  t.equal(dialling.to(backends[0]!), 4, 'one dial, of no request')
  clock.pass(FIRST)
  await placesOf(target, 9)
  t.equal(dialling.to(backends[0]!), 4, 'the second ejection is longer')
  clock.pass(FIRST)
  dialling.way(backends[0]!)
  await placesOf(target, 1)
  await events.until(() => stateOf(0).state === 'up')
  t.equal(dialling.to(backends[0]!), 5)
  t.equal(events.last(at), 'ejected -> up: after 3 failures in a row: EHOSTUNREACH')
})

t.test('losses on fresh connections eject where another endpoint has answered the same request', async t => {
  let broken = true
  const held = new Held()
  const { backends, target, events, clock, at, stateOf } = await rigOf(t, [resetWhile(() => broken, held.script), serve, serve])
  await placesOf(target, 9, n => ({ ip: '10.0.0.1', path: `/${n}` }))
  t.same(events.of(at), [' -> joining: listed', 'joining -> ejected: 3 failures in a row: connection lost'])
  t.equal(backends[0]!.requests, 3)
  t.same(events.retries, ['fresh', 'fresh', 'fresh'])
  await placesOf(target, 9)
  t.equal(backends[0]!.requests, 3)

  clock.pass(FIRST)
  t.equal(ask(target, { method: 'POST', body: 'x' }).at, undefined)
  await placesOf(target, 4, () => ({ method: 'POST', body: 'x' }))
  t.equal(backends[0]!.requests, 3, 'a request that could not be sent again does not probe')
  broken = false
  const probe = ask(target)
  await backends[0]!.waitFor(({ requests }) => requests === 4)
  t.notOk((await placesOf(target, 9)).includes(at), 'one request at a time probes')
  held.answer()
  t.match(await probe.over, { status: 200 })
  t.equal(events.last(at), 'ejected -> up: after 3 failures in a row: connection lost')
  t.match(stateOf(0), { state: 'up', failures: 3 })
})

t.test('a probing request that fails is sent elsewhere, and makes the ejection longer', async t => {
  const { backends, target, events, clock, at, stateOf } = await rigOf(t, [lose, serve, serve])
  await placesOf(target, 9)
  t.equal(stateOf(0).state, 'ejected')
  clock.pass(FIRST)
  t.not((await placesOf(target, 1))[0], at)
  t.equal(backends[0]!.requests, 4)
  clock.pass(FIRST)
  await placesOf(target, 9)
  t.equal(backends[0]!.requests, 4, 'twice as long')
  clock.pass(FIRST)
  await placesOf(target, 9)
  t.equal(backends[0]!.requests, 5)
  t.equal(events.of(at).length, 2)
})

t.test('where the dial of a probing request is refused, the endpoint is found again by its first dial that succeeds', async t => {
  let broken = true
  const { backends, target, events, clock, at, stateOf } = await rigOf(t, [resetWhile(() => broken), serve, serve])
  await placesOf(target, 9)
  t.equal(stateOf(0).cause, '3 failures in a row: connection lost')
  broken = false
  await kill(backends[0]!)
  clock.pass(FIRST)
  t.not((await placesOf(target, 1))[0], at)
  t.same(events.dialsFailed, ['ECONNREFUSED'])
  for (let n = 0; n < 3; n++) {
    clock.pass(250)
    await placesOf(target, 9)
    await events.until(() => events.dialsFailed.length === n + 2)
  }
  await backends[0]!.listen()
  clock.pass(250)
  await placesOf(target, 1)
  await events.until(() => stateOf(0).state === 'up')
  t.ok((await placesOf(target, 3)).includes(at))
})

t.test('an endpoint that was killed is back with its first accepted dial, also where the losses of its requests had ejected it', async t => {
  const dead = { is: false }
  const { backends, target, events, clock, at, stateOf } = await rigOf(t, [(_request, connection) => {
    if (!dead.is) backends[0]!.refuse()
    dead.is = true
    connection.reset()
  }, serve, serve], { ejection: { failures: 1, time: 10_000 } })
  await placesOf(target, 3)
  await events.until(() => events.dialsFailed.length === 1)
  t.same(events.of(at), [' -> joining: listed', 'joining -> ejected: connection lost'])
  t.match(stateOf(0), { refusing: true })
  await backends[0]!.listen()
  clock.pass(250)
  await placesOf(target, 1)
  await events.until(() => stateOf(0).state !== 'ejected')
  t.equal(stateOf(0).refusing, false)
})

t.test('a probing request whose client leaves says nothing, and the next one probes', async t => {
  let broken = true
  const held = new Held()
  const { backends, target, events, clock, at } = await rigOf(t, [resetWhile(() => broken, held.script), serve, serve])
  await placesOf(target, 9)
  clock.pass(FIRST)
  broken = false
  const first = ask(target)
  await backends[0]!.waitFor(({ requests }) => requests === 4)
  first.abort(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
  t.equal(events.of(at).length, 2)
  const second = ask(target)
  await backends[0]!.waitFor(({ requests }) => requests === 5)
  held.waiting.shift()
  held.answer()
  t.match(await second.over, { status: 200 })
  t.equal(events.of(at).length, 3)
})

t.test('header timeouts of several clients eject where the endpoint has answered nothing meanwhile', async t => {
  const held = new Held()
  const { backends, target, events, clock, at } = await rigOf(t, [held.script, serve, serve], { undiciOptions: { headersTimeout: 1_000 } })
  await placesOf(target, 0)
  const stuck = ['10.0.0.1', '10.0.0.2', '10.0.0.1'].map(ip => ask(target, { ip, pinned: at }))
  await backends[0]!.waitFor(({ requests }) => requests === 3)
  for (const { over } of stuck) t.match(await clock.passUntil(over), { code: 'HOLDFAST_ERR_HEADERS_TIMEOUT' })
  t.equal(events.last(at), 'joining -> ejected: 3 failures in a row: headers timeout')
  t.same(events.retries, [])
})

t.test('header timeouts do not eject an endpoint that has answered others since their requests began', async t => {
  const { backends, target, events, clock, at, stateOf } = await rigOf(t, [{
    onRequest: (request, connection) => { if (request.path !== '/slow') connection.reply() }
  }, serve], { undiciOptions: { headersTimeout: 1_000 } })
  const stuck = ['1', '2', '3', '4', '5'].map(n => ask(target, { ip: `10.0.0.${n}`, path: '/slow', pinned: at }))
  await backends[0]!.waitFor(({ requests }) => requests === 5)
  t.match(await ask(target, { ip: '10.0.0.9', pinned: at }).over, { status: 200 })
  for (const { over } of stuck) t.match(await clock.passUntil(over), { code: 'HOLDFAST_ERR_HEADERS_TIMEOUT' })
  t.equal(stateOf(0).failures, 0)
  t.equal(events.last(at), 'joining -> up: it has answered')
})

t.test('header timeouts of one client do not eject an endpoint that answers others; those of a second client do', async t => {
  const script: BackendScript = (request, connection) => { if (request.path !== '/slow') connection.reply() }
  const { backends, target, events, clock, at, stateOf } = await rigOf(t, [script, serve, serve], IMPATIENT)
  t.match(await ask(target, { ip: '10.0.0.9', pinned: at }).over, { status: 200 })
  const timesOut = async (ip: string, count: number): Promise<void> => {
    const { requests } = backends[0]!
    const stuck = Array.from({ length: count }, () => ask(target, { ip, path: '/slow', pinned: at }))
    await backends[0]!.waitFor(backend => backend.requests === requests + count)
    for (const { over } of stuck) t.match(await clock.passUntil(over), { code: 'HOLDFAST_ERR_HEADERS_TIMEOUT' })
  }
  await timesOut('10.0.0.1', 6)
  t.match(stateOf(0), { state: 'up', failures: 6 })
  await timesOut('10.0.0.2', 1)
  t.equal(events.last(at), 'up -> ejected: 3 failures in a row: headers timeout')
})

t.test('POSTs of several clients that are lost eject only if no answer comes for a second', async t => {
  let broken = false
  const { target, events, clock, at, stateOf } = await rigOf(t, [resetWhile(() => broken), serve, serve])
  const answered = async (): Promise<void> => {
    broken = false
    target.evict()
    t.match(await ask(target, { ip: '10.0.0.9', pinned: at }).over, { status: 200 })
    broken = true
    target.evict()
  }
  const lost = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const asking = await ask(target, { method: 'POST', body: 'x', ip: `10.0.0.${n % 3}`, pinned: at }).over
      t.equal(asking.code, 'HOLDFAST_ERR_CONNECTION_LOST')
    }
  }
  for (let round = 0; round < 3; round++) {
    await answered()
    await lost(6)
    t.equal(stateOf(0).state, 'up')
  }
  clock.pass(1_000)
  await lost(1)
  t.equal(events.last(at), 'up -> ejected: 3 failures in a row: connection lost')
})

t.test('statuses eject only where they are asked for', async t => {
  const fail: BackendScript = (_request, connection) => connection.reply({ status: 503, headers: { 'Retry-After': '5' } })
  const usual = await rigOf(t, [fail, serve, serve])
  const asked = await rigOf(t, [fail, serve, serve], { ejection: { failures: 3, statuses: [503, 500] } })
  for (const { target } of [usual, asked]) for (let n = 0; n < 30; n++) await ask(target, { ip: '10.0.0.1' }).over
  t.equal(usual.backends[0]!.requests, 10, 'a status is an answer')
  t.match(usual.stateOf(0), { state: 'up', failures: 0 })
  t.match(asked.stateOf(0), { state: 'ejected', cause: '503 with Retry-After' })
  t.equal(asked.backends[0]!.requests, 1)
})

t.test('statuses in a row eject, and an answer with another status ends the row', async t => {
  const seen = { nth: 0 }
  const script: BackendScript = (_request, connection) => {
    connection.reply({ status: ++seen.nth % 3 === 0 && seen.nth < 12 ? 404 : 500 })
  }
  const { target, events, at } = await rigOf(t, [script, serve, serve], { ejection: { failures: 3, statuses: [500] } })
  // Before the twelfth, two in a row at most.
  while (seen.nth < 11) await ask(target, { ip: '10.0.0.1' }).over
  t.equal(events.last(at), 'joining -> up: it has answered')
  while (seen.nth < 12) await ask(target, { ip: '10.0.0.1' }).over
  t.equal(events.last(at), 'up -> ejected: 3 failures in a row: 500')
})

t.test('a Retry-After of a 503 counts for 10 s at most, and no answer ends it early', async t => {
  const held = new Held()
  const script: BackendScript = (request, connection) => request.path === '/slow'
    ? held.script(request, connection)
    : connection.reply({ status: request.nth === 1 && request.path === '/first' ? 503 : 200, headers: { 'Retry-After': '3600' } })
  const { target, events, clock, at, backends } = await rigOf(t, [script, serve], { ejection: { statuses: [503] } })
  const slow = ask(target, { path: '/slow', pinned: at })
  await backends[0]!.waitFor(({ requests }) => requests === 1)
  t.match(await ask(target, { path: '/first', pinned: at }).over, { status: 503 })
  t.equal(events.last(at), 'joining -> ejected: 503 with Retry-After')
  held.answer()
  t.match(await slow.over, { status: 200 })
  clock.pass(9_900)
  t.notOk((await placesOf(target, 6)).includes(at))
  clock.pass(100)
  t.same(await placesOf(target, 1), [at], 'the first request probes')
  t.equal(events.last(at), 'ejected -> up: after 503 with Retry-After')
})

t.test('stale reuse is no failure', async t => {
  const stale: BackendScript = (request, connection) => request.nth % 2 === 0 ? connection.reset() : connection.reply()
  const { target, events, stateOf } = await rigOf(t, [stale, stale, stale])
  await placesOf(target, 60)
  t.ok(events.retries.length >= 15, `${events.retries.length} retries`)
  t.same([...new Set(events.retries)], ['stale'])
  for (const place of [0, 1, 2]) t.match(stateOf(place), { state: 'up', failures: 0 })
})

t.test('clients that leave are no failures, before and within the response', async t => {
  const scripts = [0, 1].map((): BackendScript => (request, connection) => {
    if (request.path === '/begun') connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
  })
  const { backends, target, stateOf } = await rigOf(t, scripts)
  for (let n = 0; n < 20; n++) {
    const before = backends[0]!.requests + backends[1]!.requests
    const asking = ask(target, { path: n % 2 === 0 ? '/begun' : '/' })
    const got = (): boolean => backends[0]!.requests + backends[1]!.requests > before
    await Promise.any(backends.map(backend => backend.waitFor(got)))
    if (n % 2 === 0) await asking.begun
    asking.abort(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
  }
  for (const place of [0, 1]) t.equal(stateOf(place).failures, 0)
})

t.test('an early answer to an upload, and its reset, are no failures', async t => {
  const early: BackendScript = {
    onHead: (_head, connection) => {
      connection.reply({ status: 413, headers: { Connection: 'close' } })
      connection.end()
    },
    onRequest: () => {}
  }
  const { target, stateOf } = await rigOf(t, [early, early])
  for (let n = 0; n < 10; n++) {
    const body = new StreamedBody([Buffer.from('abc')], 10, () => {})
    const asking = await ask(target, { method: 'POST', headers: {}, body }).over
    t.match(asking, { status: 413 })
  }
  for (const place of [0, 1]) t.match(stateOf(place), { failures: 0, state: 'up' })
})

t.test('closing a target is no failure of its endpoints', async t => {
  const held = new Held()
  const { backends, target, stateOf } = await rigOf(t, [held.script, held.script])
  const asked = [ask(target), ask(target)]
  await Promise.all(backends.map(backend => backend.waitFor(({ requests }) => requests === 1)))
  target.destroy()
  for (const { over } of asked) t.match(await over, { code: 'HOLDFAST_ERR_DRAINING' })
  for (const place of [0, 1]) t.equal(stateOf(place).failures, 0)
})

t.test('requests that one client has lost everywhere eject nothing, nor do its POSTs where others are answered', async t => {
  const poisoned = (): BackendScript => (request, connection) => request.path === '/poison' ? connection.reset() : connection.reply()
  const { backends, target, stateOf } = await rigOf(t, [poisoned(), poisoned(), poisoned()])
  await placesOf(target, 9, () => ({ ip: '10.0.0.2' }))
  for (let n = 0; n < 30; n++) {
    // On reused connections the losses say nothing, so the connections are not kept.
    target.evict()
    t.equal((await ask(target, { path: '/poison', ip: '10.0.0.1' }).over).code, 'HOLDFAST_ERR_CONNECTION_LOST')
    t.equal((await ask(target, { method: 'POST', body: 'x', path: '/poison', ip: '10.0.0.1' }).over).code, 'HOLDFAST_ERR_CONNECTION_LOST')
  }
  t.ok(backends.every(({ requests }) => requests > 20))
  for (const place of [0, 1, 2]) t.equal(stateOf(place).state, 'up')
})

t.test('POSTs that are lost eject an endpoint that answers this client alone, as behind a load balancer', async t => {
  const { target, events, at } = await rigOf(t, [lose, serve, serve])
  for (let n = 0; n < 9; n++) await ask(target, { method: 'POST', body: 'x', ip: '10.0.0.1' }).over
  t.equal(events.last(at), 'joining -> ejected: 3 failures in a row: connection lost')
})

t.test('at most maxEjected of the endpoints are ejected, and never the last that serves', async t => {
  const fail: BackendScript = (_request, connection) => connection.reply({ status: 500 })
  for (const [count, maxEjected, most] of [[4, 0.5, 2], [5, 0.5, 2], [2, 0.5, 1], [3, 1, 2], [3, 0, 0], [10, 0.1, 1]] as const) {
    const scripts = Array.from({ length: count }, () => fail)
    const { target, clock } = await rigOf(t, scripts, { ejection: { failures: 1, statuses: [500], maxEjected } })
    const ejected = (): number => target.snapshot().endpoints.filter(({ state }) => state === 'ejected').length
    for (let n = 0; n < 5 * count; n++) {
      const asking = await ask(target).over
      t.equal(asking.status, 500)
      if (ejected() > most) t.fail('too many')
    }
    t.equal(ejected(), most, `${most} of ${count} at ${maxEjected}`)
    clock.pass(FIRST)
    for (let n = 0; n < 5 * count; n++) await ask(target).over
    t.ok(ejected() <= most)
  }
})

t.test('where an operator has ejected all, ejection does not count', async t => {
  const { target, addresses, events } = await rigOf(t, [serve, serve])
  await placesOf(target, 4)
  for (const address of addresses) target.endpoints.eject(address, { ms: 1_000, cause: 'a test' })
  t.same(events.last(addresses[0]!), 'up -> ejected: a test')
  t.equal(new Set(await placesOf(target, 10)).size, 2)
  target.endpoints.restore(addresses[0]!)
  t.same(events.last(addresses[0]!), 'ejected -> up: after a test')
  t.same(new Set(await placesOf(target, 10)), new Set([addresses[0]]))
})

t.test('an operator\'s ejection lasts as long as was said, whatever the endpoint answers', async t => {
  const { target, addresses, clock, events } = await rigOf(t, [serve, serve])
  const [one, other] = addresses as [string, string]
  target.endpoints.eject(one, { ms: 5_000 })
  t.match(await ask(target, { pinned: one }).over, { status: 200 })
  clock.pass(4_900)
  t.same(new Set(await placesOf(target, 10)), new Set([other]))
  clock.pass(100)
  await placesOf(target, 1)
  t.equal(events.last(one), 'ejected -> up: after ejected by an operator')
  for (const ms of [0, -1, NaN]) t.throws(() => target.endpoints.eject(one, { ms }), { code: 'HOLDFAST_ERR_OPTION' })
  t.throws(() => target.endpoints.eject('10.0.0.1:1'), { code: 'HOLDFAST_ERR_UNKNOWN_ENDPOINT' })
})

t.test('with ejection: false, failures eject nothing, and an endpoint that refuses is avoided all the same', async t => {
  const { backends, target, at, stateOf } = await rigOf(t, [lose, serve], { ejection: false })
  await placesOf(target, 40)
  t.match(stateOf(0), { state: 'joining' })
  t.equal(backends[0]!.requests, 20)
  await kill(backends[0]!)
  await placesOf(target, 2)
  t.match(stateOf(0), { refusing: true })
  t.notOk((await placesOf(target, 10)).includes(at))
})
