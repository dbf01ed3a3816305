import t from 'tap'
import type { CloseReason, ConnectionView, ResponseView } from '../../src/connection/observer.js'
import { Recorder } from '../../src/metrics/recorder.js'
import { RequestDurations } from '../../src/metrics/request-durations.js'
import { Counts } from '../../src/metrics/counts.js'
import { Histogram } from '../../src/metrics/histogram.js'
import type { Sample } from '../../src/metrics/sample.js'
import type { TargetRegistry } from '../../src/target/registry.js'

/** A registry with some names, one of which is dynamic. */
function registryOf (...names: string[]): { registry: TargetRegistry, names: Set<string> } {
  const known = new Set(names)
  return { names: known, registry: { get: (name: string) => known.has(name) ? {} : undefined, isDynamic: (name: string) => name === 'chosen' } as unknown as TargetRegistry }
}

const viewOf = (target: string, id = 1, served = 0): ConnectionView => ({ target, id, served, age: 5, trial: false })
const ended = (status: number): ResponseView => ({ signal: { persistent: true }, status, asked: 'keep-alive', requestSent: true, clientGone: false, upgraded: false } as ResponseView)

function counted (samples: readonly Sample[]): Record<string, number> {
  return Object.fromEntries(samples.filter(({ metricName }) => metricName?.endsWith('_count')).map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

t.test('a duration counts in the first bucket whose upper bound is not below it', async t => {
  const histogram = new Histogram([10, 20, 30])
  for (const ms of [0, 10, 10.5, 20, 31, 1_000]) histogram.observe(ms)
  t.strictSame(histogram.samples('x', { a: 'b' }).map(({ metricName, labels, value }) => [metricName, labels.le, value]), [
    ['x_bucket', 0.01, 2], ['x_bucket', 0.02, 4], ['x_bucket', 0.03, 4], ['x_bucket', '+Inf', 6], ['x_sum', undefined, 1.0715], ['x_count', undefined, 6]
  ])
})

t.test('a thousand unknown methods, or statuses, make one more series', async t => {
  const durations = new RequestDurations(true)
  for (let n = 0; n < 1_000; n++) durations.observe(1, `METHOD${n}`, 200)
  durations.observe(1, 'GET', 200)
  durations.observe(1, 'get', 200)
  t.strictSame(counted(durations.samples('x', {})), { '_OTHER 200': 1_001, 'GET 200': 1 })
  const statuses = new RequestDurations(true)
  for (let n = 1; n < 1_000; n++) statuses.observe(1, 'GET', n)
  const known = counted(statuses.samples('x', {}))
  t.ok(Object.keys(known).length < 70, `${Object.keys(known).length} series`)
  t.equal(known['GET 404 404'], 1)
  t.equal(known['GET 499 499'], 1)
  t.ok(known['GET _OTHER']! > 400, 'a failure all the same')
  t.ok(known['GET']! > 300)
})

t.test('without error types, an unknown status makes no second series with the same labels', async t => {
  const durations = new RequestDurations(false)
  for (const status of [299, 599, 404, 999]) durations.observe(1, 'GET', status)
  t.strictSame(counted(durations.samples('x', {})), { GET: 3, 'GET 404': 1 })
})

t.test('unforeseen label values are counted together beyond a number', async t => {
  const counts = new Counts('error_type')
  for (let n = 0; n < 1_000; n++) counts.add(`E${n}`)
  const samples = counts.samples({})
  t.equal(samples.length, 65)
  t.strictSame(samples.at(-1), { labels: { error_type: '_OTHER' }, value: 936 })
})

t.test('a known value has a series of 0 before its first count', async t => {
  const counts = new Counts('code', ['A', 'B'])
  counts.add('B')
  counts.add('C')
  t.strictSame(counts.samples({}).map(({ labels, value }) => [labels.code, value]), [['A', 0], ['B', 1], ['C', 1]])
})

t.test('the duration of a request is from the acquire to the response', async t => {
  let now = 0
  const recorder = new Recorder(registryOf('a').registry, () => now)
  recorder.opened(viewOf('a'), 20)
  recorder.acquired(viewOf('a'), 0, 3)
  t.equal(recorder.figuresOf('a').activeRequests, 1)
  now = 80
  recorder.responded(viewOf('a', 1, 1), ended(200))
  now = 500
  recorder.released(viewOf('a', 1, 1))
  t.equal(recorder.figuresOf('a').activeRequests, 0)
  t.strictSame(recorder.figuresOf('a').requestDurations.samples('x', {}).find(({ metricName }) => metricName === 'x_sum')?.value, 0.08)
  recorder.acquired(viewOf('a', 1, 1), 400, 0)
  t.match(recorder.figuresOf('a'), { opened: 1, handshakesSaved: 1, connectMsSaved: 20 })
})

t.test('the end of a response\'s connection decides whether the response counts as whole', async t => {
  const errors = (reason: CloseReason, response?: ResponseView): string[] => {
    const recorder = new Recorder(registryOf('a').registry, () => 0)
    recorder.opened(viewOf('a'), 1)
    recorder.acquired(viewOf('a'), 0, 0)
    if (response !== undefined) recorder.responded(viewOf('a'), response)
    recorder.closed(viewOf('a'), reason)
    t.equal(recorder.figuresOf('a').activeRequests, 0)
    return recorder.figuresOf('a').requestDurations.samples('x', {}).filter(({ metricName }) => metricName === 'x_count').map(({ labels }) => `${labels.http_response_status_code} ${labels.error_type}`)
  }
  t.strictSame(errors('connection_close', ended(200)), ['200 undefined'])
  t.strictSame(errors('early_response', ended(413)), ['413 413'])
  t.strictSame(errors('backend_active', ended(200)), ['200 backend_active'])
  t.strictSame(errors('timeout', ended(200)), ['200 timeout'])
  t.strictSame(errors('backend_idle'), ['undefined backend_idle'])
  t.strictSame(errors('upgraded', { ...ended(101), upgraded: true }), ['101 undefined'])
})

t.test('a closed target leaves no figures, and later events of it count as dynamic', async t => {
  const { registry, names } = registryOf('a', 'b', 'chosen')
  const recorder = new Recorder(registry)
  for (const name of ['a', 'b', 'chosen']) recorder.rejected(name, 'HOLDFAST_ERR_CONNECT')
  const gone = recorder.figuresOf('a')
  names.delete('a')
  names.delete('chosen')
  recorder.prune()
  t.not(recorder.figuresOf('a'), gone)
  t.equal(recorder.figuresOf('a'), recorder.figuresOf('chosen'))
  t.not(recorder.figuresOf('b'), recorder.figuresOf('chosen'))
  t.strictSame(recorder.figuresOf('chosen').rejected.samples({}).filter(({ value }) => value > 0), [{ labels: { code: 'HOLDFAST_ERR_CONNECT' }, value: 1 }])
})
