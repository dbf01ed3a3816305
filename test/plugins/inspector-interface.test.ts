import t from 'tap'
import { inspectConnections } from '../../plugins/connection-inspector.js'
import { getGateway } from '../../src/index.js'
import type { CloseReason, ConnectionObserver, ConnectionView, Gateway, InspectorOptions, Persistence, PersistenceSignal, ResponseView, Target } from '../../src/index.js'
import { phpServer } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'

const KEEPS: PersistenceSignal = { persistent: true, cause: 'HTTP/1.1', timeout: undefined, max: undefined }
const CLOSES: PersistenceSignal = { ...KEEPS, persistent: false, cause: 'Connection: close' }
const RESPONSE: ResponseView = { signal: CLOSES, status: 200, asked: 'keep-alive', requestSent: true, clientGone: false, upgraded: false }

/** Only the parts of a target that an inspector may use. */
interface FakeTarget { name: string, persistence: Persistence, closed: boolean, options: { inspector: InspectorOptions | false, undiciOptions?: { keepAliveTimeout: number } }, connections (): [], keepApart (): void, persistenceOf (): Persistence, setPersistence (to: Persistence, cause: string): void }

/** A gateway with `observe` and one target that records `setPersistence`. An inspector that uses anything else fails. */
function fakeGateway (inspector: InspectorOptions | false = { closesBeforeTeardown: 3, trialInterval: 1 }): { gateway: Gateway, observers: Set<ConnectionObserver>, set: [Persistence, string][], target: FakeTarget } {
  const observers = new Set<ConnectionObserver>()
  const set: [Persistence, string][] = []
  const target: FakeTarget = {
    name: 'fake',
    persistence: 'persistent',
    closed: false,
    options: { inspector },
    connections: () => [],
    keepApart: () => {},
    persistenceOf () { return this.persistence },
    setPersistence (to, cause) {
      const from = this.persistence
      this.persistence = to
      set.push([to, cause])
      for (const observer of observers) observer.persistenceChanged?.('fake', from, to, cause, '')
    }
  }
  const gateway: Gateway = {
    targets: { get: name => name === 'fake' ? target as unknown as Target : undefined, [Symbol.iterator]: () => [target as unknown as Target][Symbol.iterator]() },
    observe: observer => {
      observers.add(observer)
      return () => { observers.delete(observer) }
    },
    drain: async () => { throw new Error('not an inspector\'s to call') }
  }
  return { gateway, observers, set, target }
}

let lastId = 0
function exchange (observers: Set<ConnectionObserver>, response: Partial<ResponseView>, { served = 1, trial = false, target = 'fake', reason = 'connection_close' as CloseReason } = {}): void {
  const view: ConnectionView = { target, id: ++lastId, served, age: 1, trial }
  for (const observer of observers) {
    observer.opened?.(view, 1)
    observer.acquired?.(view, 0, 0)
    observer.responded?.(view, { ...RESPONSE, ...response })
    observer.closed?.(view, reason, undefined)
  }
}

t.test('the inspector needs observe and setPersistence, and nothing else', async t => {
  const { gateway, observers, set, target } = fakeGateway()
  const stop = inspectConnections(gateway)
  t.equal(observers.size, 1)
  for (let n = 0; n < 3; n++) exchange(observers, {})
  t.strictSame(set, [['non-persistent', 'Connection: close, on 3 connections in a row']])
  await until(() => target.persistence === 'trial')
  exchange(observers, { signal: KEEPS }, { served: 2, trial: true })
  t.equal(target.persistence, 'persistent')
  t.equal(set.length, 3)
  stop()
  t.equal(observers.size, 0)
})

t.test('only closes that the backend decided on count', async t => {
  const rows: [title: string, response: Partial<ResponseView>, context?: Parameters<typeof exchange>[2]][] = [
    ['it was asked to close', { asked: 'close' }],
    ['an error', { status: 500 }],
    ['the request was not fully sent', { requestSent: false }],
    ['the client had gone', { clientGone: true }],
    ['it was an upgrade', { upgraded: true }],
    ['not its first response', {}, { served: 2 }],
    ['kept, then closed by this side', { signal: KEEPS }, { reason: 'evicted' }],
    ['kept, and the client went later', { signal: KEEPS, clientGone: true }, { reason: 'backend_idle' }],
    ['another target', {}, { target: 'unknown' }]
  ]
  for (const [title, response, context] of rows) {
    const { gateway, observers, set } = fakeGateway()
    t.teardown(inspectConnections(gateway))
    for (let n = 0; n < 5; n++) exchange(observers, response, context)
    t.strictSame(set, [], title)
  }
})

t.test('an unannounced close counts while its connection is watched', async t => {
  for (const reason of ['backend_idle', 'backend_active'] as const) {
    const { gateway, observers, set } = fakeGateway()
    t.teardown(inspectConnections(gateway))
    for (let n = 0; n < 3; n++) exchange(observers, { signal: KEEPS }, { reason })
    t.equal(set[0]?.[0], 'non-persistent', reason)
  }
})

t.test('connections that end under their second request count only if no watched connection is kept', async t => {
  const { gateway, observers, set } = fakeGateway()
  t.teardown(inspectConnections(gateway))
  const views = Array.from({ length: 8 }, (): { -readonly [K in keyof ConnectionView]: ConnectionView[K] } => ({ target: 'fake', id: ++lastId, served: 1, age: 1, trial: false }))
  const tell = (what: (observer: ConnectionObserver, view: typeof views[0]) => void, which: typeof views): void => {
    for (const view of which) for (const observer of observers) what(observer, view)
  }
  const firstResponses = (): void => {
    tell((o, view) => o.opened?.(view, 1), views)
    tell((o, view) => o.responded?.(view, { ...RESPONSE, signal: KEEPS }), views)
  }
  firstResponses()
  tell((o, view) => o.closed?.(view, 'backend_active', undefined), views.slice(0, 5))
  t.strictSame(set, [], 'what becomes of the other three is not known yet')
  views[7]!.served = 2
  tell((o, view) => o.responded?.(view, { ...RESPONSE, signal: KEEPS }), [views[7]!])
  tell((o, view) => o.closed?.(view, 'backend_active', undefined), views.slice(5, 7))
  t.strictSame(set, [], 'one was kept: the backend keeps connections, and lost some')

  for (const view of views) { view.id = ++lastId; view.served = 1 }
  firstResponses()
  tell((o, view) => o.closed?.(view, 'backend_active', undefined), views)
  t.equal(set[0]?.[0], 'non-persistent', 'none was kept')
})

t.test('a target with the inspector off is left alone', async t => {
  const { gateway, observers, set } = fakeGateway(false)
  t.teardown(inspectConnections(gateway))
  for (let n = 0; n < 5; n++) exchange(observers, {})
  t.strictSame(set, [])
})

t.test('a target that became non-persistent before its first connection gets a trial too', async t => {
  const { gateway, set, target } = fakeGateway()
  t.teardown(inspectConnections(gateway))
  target.setPersistence('non-persistent', 'an operator wanted to see')
  await until(() => target.persistence === 'trial')
  t.strictSame(set.map(([to]) => to), ['non-persistent', 'trial'])
})

t.test('while keep-alive is switched off there is no trial', async t => {
  const off = { keepAliveTimeout: 0 }
  const rows: [title: string, act: (fake: ReturnType<typeof fakeGateway>) => void][] = [
    ['by an update', ({ target, observers }) => {
      exchange(observers, { signal: KEEPS })
      target.options.undiciOptions = off
      target.setPersistence('non-persistent', 'keep-alive was switched by an update')
    }],
    ['from the start', ({ target, observers }) => {
      target.options.undiciOptions = off
      target.setPersistence('non-persistent', 'as it was made')
      exchange(observers, { asked: 'close' })
    }],
    ['while a trial was due', ({ target, observers }) => {
      for (let n = 0; n < 3; n++) exchange(observers, {})
      target.options.undiciOptions = off
    }]
  ]
  for (const [title, act] of rows) {
    const fake = fakeGateway()
    t.teardown(inspectConnections(fake.gateway))
    act(fake)
    // Longer than the trial interval of 1 ms.
    await new Promise(resolve => setTimeout(resolve, 30))
    t.strictSame(fake.set.map(([to]) => to), ['non-persistent'], title)
  }
})

t.test('a stopped inspector decides nothing, not even a trial that was due', async t => {
  const { gateway, observers, set } = fakeGateway()
  const stop = inspectConnections(gateway)
  for (let n = 0; n < 3; n++) exchange(observers, {})
  stop()
  for (let n = 0; n < 5; n++) exchange(observers, {})
  // Longer than the trial interval of 1 ms.
  await new Promise(resolve => setTimeout(resolve, 30))
  t.equal(set.length, 1)
})

t.test('an observer of the app\'s own can do the same', async t => {
  const backend = await backendFor(t, phpServer(), { log: true })
  const { app, url, target } = await gatewayFor(t, { gateway: { inspector: false }, routes: [{ upstream: backend.url }] })
  const gateway = getGateway(app)
  const stop = gateway.observe({
    responded: (connection, { signal }) => {
      if (!signal.persistent) gateway.targets.get(connection.target)?.setPersistence('non-persistent', 'my own rule')
    }
  })
  await request(url)
  t.equal(target.persistence, 'non-persistent')
  await request(url)
  t.equal(backend.log.at(-1)?.header('connection'), 'close')
  stop()
  target.setPersistence('persistent', 'and back')
  await request(url)
  t.equal(target.persistence, 'persistent', 'an observer that was stopped hears nothing')
})

t.test('an observer that throws is removed and logged once, and other observers go on', async t => {
  const backend = await backendFor(t, phpServer())
  const { url, gateway, log } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  let heard = 0
  gateway.observe({ responded: () => { throw new Error('an observer of the app') } })
  gateway.observe({ responded: () => { heard++ } })
  for (let n = 0; n < 3; n++) t.equal((await request(url)).status, 200)
  t.equal(heard, 3)
  t.equal(log.filter(({ err }) => err?.message === 'an observer of the app').length, 1)
})
