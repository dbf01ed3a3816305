// What src/quirks/prom-client.ts relies on of prom-client, asked of it alone.
import { Registry, collectDefaultMetrics } from 'prom-client'
import type { Metric } from 'prom-client'
import t from 'tap'

function register (registry: Registry, metric: object): void {
  registry.registerMetric(metric as Metric)
}

t.test('a registry takes what has a name and a get, and asks it each time', async t => {
  const registry = new Registry()
  let value = 1
  const get = async (): Promise<object> => {
    const values = [{ labels: { b: 'c"d' }, value: value++ }]
    return { name: 'a_total', type: 'counter', help: 'what it counts', aggregator: 'sum', values }
  }
  register(registry, { name: 'a_total', get })
  t.equal(await registry.metrics(), '# HELP a_total what it counts\n# TYPE a_total counter\na_total{b="c\\"d"} 1\n')
  t.match(await registry.metrics(), /a_total\{b="c\\"d"\} 2\n$/)
})

t.test('the samples of a histogram have names of their own', async t => {
  const registry = new Registry()
  const values = [
    { metricName: 'a_seconds_bucket', labels: { le: 1 }, value: 1 },
    { metricName: 'a_seconds_bucket', labels: { le: '+Inf' }, value: 2 },
    { metricName: 'a_seconds_sum', labels: {}, value: 3 },
    { metricName: 'a_seconds_count', labels: {}, value: 2 }
  ]
  const figures = { name: 'a_seconds', type: 'histogram', help: 'h', aggregator: 'sum', values }
  register(registry, { name: 'a_seconds', get: async () => figures })
  t.equal(await registry.metrics(), [
    '# HELP a_seconds h', '# TYPE a_seconds histogram',
    'a_seconds_bucket{le="1"} 1', 'a_seconds_bucket{le="+Inf"} 2', 'a_seconds_sum 3', 'a_seconds_count 2', ''
  ].join('\n'))
})

t.test('its own metrics go beside them, and a cleared registry has neither', async t => {
  const registry = new Registry()
  const figures = { name: 'a', type: 'gauge', help: 'h', aggregator: 'sum', values: [{ labels: {}, value: 1 }] }
  register(registry, { name: 'a', get: async () => figures })
  collectDefaultMetrics({ register: registry })
  const text = await registry.metrics()
  t.match(text, /^a 1$/m)
  t.match(text, /^process_cpu_seconds_total /m)
  registry.clear()
  t.equal((await registry.metrics()).trim(), '')
})
