import t from 'tap'
import type { EndpointChange, EndpointSnapshot } from '../../src/index.js'
import { EndpointFigures, MOST_OF_APP, MOST_OF_TARGET, RETAINED, SeriesBudget } from '../../src/metrics/endpoint-figures.js'
import { Recorder } from '../../src/metrics/recorder.js'
import type { Sample } from '../../src/metrics/sample.js'
import { scrape } from '../../src/metrics/scrape.js'
import type { MetricName } from '../../src/metrics/table.js'
import { endpointOf, fakeFleet } from '../admin/fake-fleet.js'
import type { FakeTarget } from '../admin/fake-fleet.js'

/** Endpoints at 10.0.x.y, whose ids are n1, n2 ... */
function many (count: number, changes: Partial<EndpointSnapshot> = {}): EndpointSnapshot[] {
  return Array.from({ length: count }, (_, n) => endpointOf(`10.0.${n >> 8}.${n & 255}:80`, { id: `n${n}`, ...changes }))
}

interface Metered {
  readonly targets: FakeTarget[]
  readonly recorder: Recorder
  /** Adds to the time. */
  pass (ms: number): void
  read (name: MetricName): Sample[]
  /** The values of a metric by endpoint, at a new scrape. */
  byEndpoint (name: MetricName): Record<string, number>
  request (target: string, endpoint: string, times?: number): void
  changed (target: string, change: Partial<EndpointChange>): void
}

function metered (lists: Record<string, readonly EndpointSnapshot[]>): Metered {
  let now = 0
  let id = 0
  const { registry, targets } = fakeFleet(lists)
  const recorder = new Recorder(registry, () => now)
  registry.observe(recorder)
  const read = (name: MetricName): Sample[] => scrape(registry, recorder, 'ready')[name]
  return {
    targets,
    recorder,
    pass: ms => { now += ms },
    read,
    byEndpoint: name => Object.fromEntries(read(name).map(({ labels, value }) => [String(labels['endpoint']), value])),
    request: (target, endpoint, times = 1) => {
      const view = { target, endpoint, id: ++id, served: 0, age: 1, trial: false }
      recorder.opened(view, 1)
      for (let n = 0; n < times; n++) recorder.acquired(view, 0, 0)
      recorder.closed(view, 'evicted')
    },
    changed: (target, change) => registry.observers.endpointChanged(target, { endpoint: 'n0', address: '10.0.0.0:80', from: 'up', to: 'up', cause: 'a test says so', ...change })
  }
}

const ENDPOINT_METRICS: readonly MetricName[] = [
  'holdfast_endpoints', 'holdfast_endpoint_connections', 'holdfast_endpoint_requests_total', 'holdfast_endpoint_failures_total', 'holdfast_endpoint_exchange_seconds',
  'holdfast_endpoint_ejections_total', 'holdfast_discovery_age_seconds', 'holdfast_discovery_failures_total', 'holdfast_discovery_missing_endpoints'
]

t.test('each endpoint has its figures, and a target has its states', async t => {
  const { targets: [fake], read, request } = metered({
    a: [
      endpointOf('10.0.0.1:80', { id: 'n1', connections: { active: 2, idle: 3, connecting: 1, upgraded: 4 }, exchangeMs: 250, failures: 7 }),
      endpointOf('10.0.0.2:80', { id: 'n2', state: 'ejected' }), endpointOf('10.0.0.3:80', { id: 'n3', state: 'gone' })
    ]
  })
  fake!.discovery = { endpoints: 2, missing: 1, age: 1_500, answers: 3, failures: 4, fault: undefined }
  request('a', 'n1', 5)
  const one = { target: 'a', endpoint: 'n1', address: '10.0.0.1:80' }
  const two = { target: 'a', endpoint: 'n2', address: '10.0.0.2:80' }
  t.strictSame(read('holdfast_endpoints'), [['joining', 0], ['up', 1], ['refusing', 0], ['ejected', 1], ['leaving', 0]].map(([state, value]) => ({ labels: { target: 'a', state }, value })))
  t.strictSame(read('holdfast_endpoint_connections').slice(0, 4), [['active', 2], ['idle', 3], ['connecting', 1], ['upgraded', 4]].map(([state, value]) => ({ labels: { ...one, state }, value })))
  t.strictSame(read('holdfast_endpoint_requests_total'), [{ labels: one, value: 5 }, { labels: two, value: 0 }])
  t.strictSame(read('holdfast_endpoint_failures_total'), [{ labels: one, value: 7 }, { labels: two, value: 0 }], 'and scrapes count nothing twice')
  t.strictSame(read('holdfast_endpoint_exchange_seconds'), [{ labels: one, value: 0.25 }], 'none before the first exchange')
  t.strictSame(read('holdfast_discovery_age_seconds'), [{ labels: { target: 'a' }, value: 1.5 }])
  t.strictSame(read('holdfast_discovery_failures_total'), [{ labels: { target: 'a' }, value: 4 }])
  t.strictSame(read('holdfast_discovery_missing_endpoints'), [{ labels: { target: 'a' }, value: 1 }])
  fake!.discovery = { ...fake!.discovery, age: undefined }
  t.strictSame(read('holdfast_discovery_age_seconds'), [], 'before the first answer')
})

t.test('an endpoint whose dials are refused counts as refusing, unless it is ejected or leaving', async t => {
  const { read } = metered({
    a: [endpointOf('10.0.0.1:80', { id: 'n1', refusing: true }), endpointOf('10.0.0.2:80', { id: 'n2', state: 'ejected', refusing: true }), endpointOf('10.0.0.3:80', { id: 'n3' })]
  })
  t.strictSame(read('holdfast_endpoints').map(({ labels, value }) => [labels['state'], value]), [['joining', 0], ['up', 1], ['refusing', 1], ['ejected', 1], ['leaving', 0]])
})

t.test('a target that is one plain endpoint has no series of endpoints; one that is discovered has', async t => {
  const { targets: [fake], read, request } = metered({ a: [endpointOf('10.0.0.1:80', { id: 'n1' })] })
  request('a', 'n1', 3)
  for (const name of ENDPOINT_METRICS) t.strictSame(read(name), [], name)
  fake!.discovery = { endpoints: 1, missing: 0, age: 0, answers: 1, failures: 0, fault: undefined }
  t.match(read('holdfast_endpoint_requests_total'), [{ value: 3 }], 'with all that was counted before')
  t.equal(read('holdfast_endpoints').length, 5)
})

t.test('ejections are counted by their cause, each from 0', async t => {
  const { changed, read } = metered({ a: many(2) })
  const causes = (): Record<string, number> => Object.fromEntries(read('holdfast_endpoint_ejections_total').map(({ labels, value }) => [String(labels['cause']), value]))
  t.strictSame(causes(), { refused: 0, dial: 0, lost: 0, timeout: 0, status: 0, check: 0, retry_after: 0, operator: 0 })
  changed('a', { to: 'ejected', ejectedBy: 'timeout' })
  changed('a', { to: 'ejected', ejectedBy: 'timeout' })
  changed('a', { to: 'up' })
  changed('a', { to: 'ejected' })
  t.match(causes(), { timeout: 2, refused: 0, _OTHER: 1 })
})

t.test('so many endpoints of a target have series of their own, and all others are counted together', async t => {
  const list = many(MOST_OF_TARGET + 6, { failures: 1, connections: { active: 1, idle: 0, connecting: 0, upgraded: 0 }, exchangeMs: 5 })
  const { targets: [fake], byEndpoint, read, request } = metered({ a: list })
  for (const { id } of list) request('a', id, 2)
  const requests = byEndpoint('holdfast_endpoint_requests_total')
  t.equal(Object.keys(requests).length, MOST_OF_TARGET + 1)
  t.equal(requests['_OTHER'], 12)
  t.equal(byEndpoint('holdfast_endpoint_failures_total')['_OTHER'], 6)
  t.equal(byEndpoint('holdfast_endpoint_exchange_seconds')['_OTHER'], undefined, 'a mean of means would be wrong')
  const [others] = read('holdfast_endpoint_connections').filter(({ labels }) => labels['endpoint'] === '_OTHER')
  t.strictSame(others, { labels: { target: 'a', endpoint: '_OTHER', state: 'active' }, value: 6 }, 'they have no address')
  request('a', list.at(-1)!.id, 3)
  fake!.endpoints.change(list.at(-1)!.id, { failures: 4 })
  t.equal(byEndpoint('holdfast_endpoint_requests_total')['_OTHER'], 15)
  t.equal(byEndpoint('holdfast_endpoint_failures_total')['_OTHER'], 9)
  t.equal(Object.values(byEndpoint('holdfast_endpoint_requests_total')).reduce((sum, n) => sum + n), 2 * list.length + 3, 'nothing is lost')
})

t.test('an endpoint that is gone keeps its counts for a while, and then makes room', async t => {
  const { targets: [fake], byEndpoint, changed, pass, request } = metered({ a: many(MOST_OF_TARGET + 1) })
  const late = `n${MOST_OF_TARGET}`
  request('a', 'n0', 4)
  request('a', late, 9)
  t.equal(byEndpoint('holdfast_endpoint_requests_total')['n0'], 4)
  fake!.endpoints.remove('n0')
  changed('a', { endpoint: 'n0', to: 'gone' })
  pass(RETAINED - 1)
  request('a', late)
  const before = byEndpoint('holdfast_endpoint_requests_total')
  t.match(before, { n0: 4, _OTHER: 10 })
  t.equal(byEndpoint('holdfast_endpoint_connections')['n0'], undefined, 'it has no connections')
  t.equal(before[late], undefined, 'its place is taken until then')
  pass(1)
  const after = byEndpoint('holdfast_endpoint_requests_total')
  t.equal(after['n0'], undefined)
  t.match(after, { [late]: 0, _OTHER: 10 }, 'the next one has its place, and counts from 0; what was counted with the others stays there')
  request('a', late, 2)
  t.match(byEndpoint('holdfast_endpoint_requests_total'), { [late]: 2, _OTHER: 10 })
})

t.test('an address that is listed again goes on in its series', async t => {
  const { targets: [fake], byEndpoint, changed, pass, request } = metered({ a: many(2, { failures: 5 }) })
  request('a', 'n0', 4)
  t.match(byEndpoint('holdfast_endpoint_failures_total'), { n0: 5 })
  changed('a', { to: 'gone' })
  pass(RETAINED / 2)
  changed('a', { from: undefined, to: 'joining' })
  fake!.endpoints.change('n0', { failures: 2 })
  request('a', 'n0')
  pass(RETAINED)
  t.match(byEndpoint('holdfast_endpoint_requests_total'), { n0: 5 })
  t.match(byEndpoint('holdfast_endpoint_failures_total'), { n0: 7 }, 'its failures began at 0')
})

t.test('an app has a bound on series of endpoints over all of its targets', async t => {
  const names = Array.from({ length: Math.ceil(MOST_OF_APP / MOST_OF_TARGET) + 4 }, (_, n) => `t${n}`)
  const { read } = metered(Object.fromEntries(names.map(name => [name, many(MOST_OF_TARGET)])))
  const own = read('holdfast_endpoint_requests_total').filter(({ labels }) => labels['endpoint'] !== '_OTHER')
  t.equal(own.length, MOST_OF_APP)
  t.equal(new Set(read('holdfast_endpoints').map(({ labels }) => labels['target'])).size, names.length, 'states are shown for all')
})

t.test('ten thousand addresses that come and go leave as many series as a few, scraped or not', async t => {
  const { targets: [fake], read, changed, pass, request, recorder } = metered({ a: many(2) })
  const come = (n: number): void => {
    const endpoint = `c${n}`
    const address = `10.1.${n >> 8}.${n & 255}:80`
    changed('a', { endpoint, address, from: undefined, to: 'joining' })
    request('a', endpoint)
    changed('a', { endpoint, address, to: 'gone' })
  }
  for (let n = 0; n < 5_000; n++) come(n)
  const known = (): number => (recorder.figuresOf('a').endpoints!.read(fake!.endpoints.list(), recorder.now())).shown.length
  t.equal(known(), 2)
  for (let n = 5_000; n < 10_000; n++) {
    come(n)
    pass(10)
    if (n % 100 === 0) t.ok(read('holdfast_endpoint_requests_total').length <= MOST_OF_TARGET + 1)
  }
  t.equal(known(), 2)
  t.equal(read('holdfast_endpoint_requests_total').at(-1)!.value, 10_000, 'and none of their requests is lost')
})

t.test('a target that is gone gives its series back', async t => {
  const budget = new SeriesBudget()
  const figures = new EndpointFigures(budget)
  figures.read(many(5), 0)
  t.equal(budget.taken, 5)
  figures.close()
  t.equal(budget.taken, 0)
  const { registry } = fakeFleet({ a: many(5) })
  t.equal(new Recorder(registry).figuresOf('chosen by a request').endpoints, undefined, 'and endpoints of dynamic targets have none')
})
