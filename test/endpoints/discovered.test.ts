import t from 'tap'
import type { Test } from 'tap'
import type { DiscoveryFunction, GivenEndpoint, TargetOptions } from '../../src/index.js'
import { parseDiscoveryUrl } from '../../src/discovery/discovery-url.js'
import { startBackend } from '../../testing/backend.js'
import type { Backend } from '../../testing/backend.js'
import { startDnsServer } from '../../testing/dns-server.js'
import { ask, placesOf } from './ask.js'
import { HOSTS, targetFor } from './rig.js'
import type { EndpointsRig } from './rig.js'
import { Held, addressOf, backendsFor, heldOrServed, kill, serve } from './scripted.js'

/** A discovery that a test drives: each list that it is given is yielded at once. */
class Lists {
  calls = 0
  signal: AbortSignal | undefined
  #queue: unknown[] = []
  #wake = (): void => {}

  readonly discover: DiscoveryFunction = ({ signal }) => {
    this.calls++
    this.signal = signal
    return this.#lists(signal) as AsyncIterable<readonly GivenEndpoint[]>
  }

  /** Yields a list, or throws an error. */
  push (list: unknown): void {
    this.#queue.push(list)
    this.#wake()
  }

  async * #lists (signal: AbortSignal): AsyncGenerator<unknown> {
    signal.addEventListener('abort', () => this.#wake())
    while (!signal.aborted) {
      if (this.#queue.length === 0) await new Promise<void>(resolve => { this.#wake = resolve })
      const next = this.#queue.shift()
      if (next instanceof Error) throw next
      if (next !== undefined) yield next
    }
  }
}

function rigOf (t: Test, discover: DiscoveryFunction, options: TargetOptions = {}): EndpointsRig {
  return targetFor(t, { kind: 'function', discover }, { discovery: { refresh: 20 }, ...options })
}

t.test('requests that come before the first list wait for it', async t => {
  const backends = await backendsFor(t, 2)
  const lists = new Lists()
  const { target } = rigOf(t, lists.discover)
  const asked = [ask(target), ask(target, { method: 'POST', body: 'x' }), ask(target)]
  const discovery = { endpoints: 0, answers: 0, failures: 0, age: undefined }
  t.match(target.snapshot(), { connections: { pending: 3 }, endpoints: [], discovery })
  lists.push(backends.map(({ url }) => url))
  for (const { over } of asked) t.match(await over, { status: 200 })
  t.match(target.snapshot(), { endpoints: [{}, {}], discovery: { endpoints: 2, missing: 0, answers: 1, failures: 0, fault: undefined } })
})

for (const [title, wrong] of [
  ['throws', (): never => { throw new Error('no database') }],
  ['rejects', () => Promise.reject(new Error('no database'))],
  ['returns rubbish', () => ({ endpoints: [] }) as never],
  ['returns a list with rubbish', () => ['http://10.0.0.1:1', 'not a URL']],
  ['returns an empty list', () => []]
] as const) {
  t.test(`where discovery ${title} at first, requests get a 503 with HOLDFAST_ERR_NO_ENDPOINT, until it finds endpoints`, async t => {
    const [backend] = await backendsFor(t, 1)
    let broken = true
    const { target, reports } = rigOf(t, () => broken ? wrong() : [backend!.url])
    const first = ask(target)
    t.notOk(first.isOver)
    t.match(await first.over, { code: 'HOLDFAST_ERR_NO_ENDPOINT', error: { statusCode: 503 } })
    const second = ask(target)
    t.ok(second.isOver, 'at once from then on')
    t.equal(second.code, 'HOLDFAST_ERR_NO_ENDPOINT')
    t.match(target.snapshot(), { connections: { pending: 0 }, endpoints: [], persistence: 'persistent' })
    while (target.snapshot().discovery!.answers + target.snapshot().discovery!.failures < 4) await new Promise(setImmediate)
    t.equal(reports.length, title === 'returns an empty list' ? 0 : 1, 'it is reported once, if it is a fault')
    broken = false
    while (target.snapshot().endpoints.length === 0) await new Promise(setImmediate)
    t.match(await ask(target).over, { status: 200 })
  })
}

t.test('where discovery never answers, requests wait for pendingTimeout', async t => {
  const { target } = rigOf(t, () => new Promise(() => {}), { pool: { pendingTimeout: 30, maxPending: 1 } })
  const waiting = ask(target)
  t.equal(ask(target).code, 'HOLDFAST_ERR_QUEUE_FULL')
  t.match(await waiting.over, { code: 'HOLDFAST_ERR_QUEUE_TIMEOUT', error: { statusCode: 503 } })
  t.equal(target.snapshot().connections.pending, 0)
})

t.test('a discovery that fails later, or says nothing useful, removes no endpoint', async t => {
  const backends = await backendsFor(t, 2)
  const urls = backends.map(({ url }) => url)
  let result = (): unknown => urls
  const { target, events, reports } = rigOf(t, () => result() as GivenEndpoint[], { balance: 'round-robin' })
  await placesOf(target, 1, () => ({}))
  for (const wrong of [() => { throw new Error('down') }, () => 7, () => [...urls, 'ftp://x'], () => [], () => [...urls, urls[0]]]) {
    result = wrong
    const { answers, failures } = target.snapshot().discovery!
    const seen = (): boolean => target.snapshot().discovery!.answers + target.snapshot().discovery!.failures >= answers + failures + 2
    while (!seen()) await new Promise(setImmediate)
    t.same(new Set(await placesOf(target, 4)).size, 2)
  }
  t.equal(events.changes.filter(({ to }) => to === 'leaving').length, 0)
  t.equal(reports.filter(({ type }) => type === 'fault').length, 4, 'each is reported once')
  t.equal(new Set(reports.map(report => report.type === 'fault' ? report.fault.message : '')).size, 4)
})

t.test('lists that a generator yields hold at once: endpoints join, leave, and change', async t => {
  const held = new Held()
  const backends = await backendsFor(t, 3, place => place === 0 ? heldOrServed(held) : serve)
  const [a, b, c] = backends.map(({ url }) => url) as [string, string, string]
  const addresses = backends.map(addressOf)
  const lists = new Lists()
  const { target, events } = rigOf(t, lists.discover, { balance: 'round-robin' })
  lists.push([a, b])
  t.same(new Set(await placesOf(target, 4)), new Set(addresses.slice(0, 2)))
  t.same(events.of(addresses[0]), [' -> joining: found by discovery', 'joining -> up: it has answered'])
  const busy = ask(target, { path: '/held', pinned: addresses[0]! })
  await backends[0]!.waitFor(() => held.waiting.length === 1)
  lists.push([b, { url: c, weight: 3 }])
  await events.until(() => events.last(addresses[0]!) === 'up -> leaving: no longer listed')
  t.equal(events.last(addresses[2]!), ' -> joining: found by discovery')
  t.same(new Set(await placesOf(target, 8)), new Set(addresses.slice(1)))
  t.equal(target.snapshot().endpoints.find(({ address }) => address === addresses[2])!.weight, 3)
  held.answer()
  t.match(await busy.over, { status: 200 })
  await events.until(() => events.last(addresses[0]!)!.startsWith('leaving -> gone'))
  lists.push([a, b, c])
  await events.until(() => events.last(addresses[0]!) === ' -> joining: found by discovery')
})

t.test('a target that is closed or destroyed stops its discovery', async t => {
  for (const end of ['close', 'destroy'] as const) {
    const [backend] = await backendsFor(t, 1)
    const lists = new Lists()
    const { target, events } = rigOf(t, lists.discover)
    lists.push([backend!.url])
    t.match(await ask(target).over, { status: 200 })
    await target[end]()
    t.equal(lists.signal!.aborted, true)
    const { length } = events.changes
    lists.push([])
    await new Promise(setImmediate)
    t.equal(events.changes.length, length)
    t.equal(lists.calls, 1)
    t.match(await ask(target).over, { code: 'HOLDFAST_ERR_DRAINING' })
  }
})

t.test('a target that is closed while requests wait for the first list refuses them', async t => {
  const lists = new Lists()
  const { target } = rigOf(t, lists.discover)
  const waiting = ask(target)
  await target.close()
  t.match(await waiting.over, { code: 'HOLDFAST_ERR_DRAINING' })
})

t.test('set() takes the place of discovery, and stops it', async t => {
  const backends = await backendsFor(t, 2)
  const addresses = backends.map(addressOf)
  const lists = new Lists()
  const { target, events } = rigOf(t, lists.discover)
  lists.push([backends[0]!.url])
  t.same(await placesOf(target, 2), [addresses[0], addresses[0]])
  target.endpoints.set([backends[1]!.url])
  t.equal(lists.signal!.aborted, true)
  t.equal(target.snapshot().discovery, undefined)
  t.same(events.of(addresses[1]), [' -> joining: set by an operator'])
  t.same(await placesOf(target, 2), [addresses[1], addresses[1]])
  lists.push([backends[0]!.url])
  await new Promise(setImmediate)
  t.same(target.snapshot().endpoints.map(({ address }) => address), [addresses[1]])
})

t.test('set() before the first list serves the requests that wait for it', async t => {
  const [backend] = await backendsFor(t, 1)
  const lists = new Lists()
  const { target } = rigOf(t, lists.discover)
  const waiting = ask(target)
  target.endpoints.set([backend!.url])
  t.match(await waiting.over, { status: 200 })
})

/** Three servers at three addresses, with one port, and a name server that knows them as `users`. */
async function named (t: Test, options: TargetOptions = {}) {
  const backends: Backend[] = []
  for (let port = 0; backends.length < 3;) {
    try {
      backends.push(await startBackend(serve, { host: HOSTS[backends.length]!, port }))
      port = backends[0]!.port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      for (const backend of backends.splice(0)) await backend.close()
      port = 0
    }
  }
  t.teardown(() => Promise.all(backends.map(backend => backend.close())))
  const { port } = backends[0]!
  const server = await startDnsServer()
  t.teardown(() => server.close())
  server.set('users', 'A', HOSTS.slice(0, 2), 0)
  const upstream = `dns+http://users:${port}`
  const url = parseDiscoveryUrl(upstream)
  const rig = targetFor(t, { kind: 'url', url, upstream }, {
    balance: 'round-robin', discovery: { refresh: 20, servers: [server.address] }, ...options
  })
  const addresses = HOSTS.map(host => `${host}:${port}`)
  /** Waits for two answers, the second of which was asked for after this call. */
  const asked = async (): Promise<void> => {
    const count = (): number => rig.target.snapshot().discovery!.answers + rig.target.snapshot().discovery!.failures
    for (const before = count(); count() < before + 2;) await new Promise(setImmediate)
  }
  return { backends, addresses, server, asked, ...rig }
}

if (process.platform === 'linux') {
  t.test('each address of a name is an endpoint, and requests keep the name as their host', async t => {
    const { target, addresses, backends } = await named(t)
    t.same(new Set(await placesOf(target, 6)), new Set(addresses.slice(0, 2)))
    t.same(target.snapshot().endpoints.map(({ address }) => address).sort(), addresses.slice(0, 2).sort())
    t.match(target.snapshot().discovery, { endpoints: 2, missing: 0 })
    t.ok(backends[0]!.requests > 0)
  })

  t.test('a name that moves is followed; an address that answers lack is kept while it serves, and goes when it refuses', async t => {
    const { target, addresses, server, backends, events, asked } = await named(t)
    await placesOf(target, 4)
    server.set('users', 'A', HOSTS.slice(1), 0)
    await events.until(() => events.last(addresses[2]!) === ' -> joining: found by discovery')
    t.same(new Set(await placesOf(target, 9)), new Set(addresses), 'all three serve')
    t.match(target.snapshot().discovery, { endpoints: 3, missing: 1 })
    await kill(backends[0]!)
    await placesOf(target, 9)
    await events.until(() => events.last(addresses[0]!)!.startsWith('leaving -> gone'))
    t.match(target.snapshot().discovery, { endpoints: 2, missing: 0 })
    await asked()
    t.same(new Set(await placesOf(target, 6)), new Set(addresses.slice(1)))
  })

  t.test('NXDOMAIN, SERVFAIL, silence and empty answers remove no endpoint, and no request waits for an answer', async t => {
    const { target, addresses, server, events, asked } = await named(t)
    await placesOf(target, 2)
    const scripts = [{ code: 'NXDOMAIN', records: [] }, { code: 'SERVFAIL', records: [] }, { records: [] }, { silent: true }] as const
    for (const script of scripts) {
      server.script('users', 'A', script)
      if ('silent' in script) await server.questions(1)
      else await asked()
      t.same(new Set(await placesOf(target, 6)), new Set(addresses.slice(0, 2)), JSON.stringify(script))
    }
    t.equal(events.changes.filter(({ to }) => to === 'leaving').length, 0)
  })

  t.test('with hold: 0, an address that answers lack leaves at once', async t => {
    const { target, server, events } = await named(t)
    await placesOf(target, 2)
    const held = await named(t, { discovery: { refresh: 20, hold: 0, servers: [server.address] } })
    await placesOf(held.target, 2)
    server.set('users', 'A', [HOSTS[1]!], 0)
    await held.events.until(() => held.events.changes.some(({ to }) => to === 'leaving'))
    t.equal(events.changes.filter(({ to }) => to === 'leaving').length, 0)
    t.equal(target.snapshot().endpoints.length, 2)
    t.equal(held.events.changes.find(({ to }) => to === 'leaving')!.address, held.addresses[0])
  })
}
