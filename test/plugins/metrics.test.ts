import { X509Certificate } from 'node:crypto'
import { connect } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { METRICS, PROCESS_METRICS } from '../../src/metrics/table.js'
import { gateway } from '../../src/index.js'
import type { ConnectFunction } from '../../src/index.js'
import { metricsOf } from '../../src/metrics/metrics.js'
import { existingState } from '../../src/gateway/state.js'
import { answer } from '../../testing/answer.js'
import { persistent } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'
import { request } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { GatewaySetup, RunningGateway } from '../../testing/gateway.js'
import { lintMetrics, parseMetrics, seriesOf, valueOf } from '../../testing/prometheus.js'
import type { MetricFamily } from '../../testing/prometheus.js'
import { endpointOf, fakeEndpoints } from '../admin/fake-fleet.js'

type Metered = RunningGateway & { read (): Promise<Map<string, MetricFamily>> }

const PATH = '/metrics'
const { ca, server, client } = certificates()
const OWN = new Set<string>(METRICS.map(({ name }) => name))

async function meteredFor (t: Parameters<typeof gatewayFor>[0], setup: GatewaySetup): Promise<Metered> {
  const running = await gatewayFor(t, { ...setup, gateway: { metrics: { path: PATH }, ...setup.gateway } })
  return Object.assign(running, { read: async () => parseMetrics((await request(`${running.url}${PATH}`)).body.toString()) })
}

/** Names of Holdfast's own metrics. */
function series (families: ReadonlyMap<string, MetricFamily>): string[] {
  return [...families.values()].filter(({ name }) => OWN.has(name)).flatMap(({ samples }) => samples.map(seriesOf)).sort()
}

function nowhere (port: number): string {
  return `http://127.0.0.1:${port}`
}

t.test('the test\'s reader refuses what Prometheus refuses', async t => {
  const head = '# HELP a_total A.\n# TYPE a_total counter\n'
  const histogram = '# HELP h H.\n# TYPE h histogram\n'
  t.strictSame([...parseMetrics(`${head}a_total{x="\\\\ \\" \\n",y=""} 1e+3\n`).get('a_total')!.samples], [{ name: 'a_total', labels: { x: '\\ " \n', y: '' }, value: 1_000 }])
  const wrong: [text: string, why: RegExp][] = [
    ['a_total 1\n', /outside/], [`${head}b_total 1\n`, /no sample of/], [`${head}a_total 1`, /no end/], [`${head}${head}a_total 1\n`, /second HELP/],
    ['# TYPE a_total counter\n', /without its HELP/], [`${head}a_total{x="1"} 1\na_total{x="1"} 2\n`, /second sample/], [`${head}a_total{x="1",x="2"} 1\n`, /second label/],
    [`${head}a_total{x="a"b"} 1\n`, /no comma/], [`${head}a_total{x="\\a"} 1\n`, /no label/], [`${head}a_total{1x="a"} 1\n`, /no label/], [`${head}a_total -1\n`, /counts -1/], [`${head}a_total one\n`, /no value/],
    [`${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`, /not cumulative/], [`${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`, /\+Inf/],
    [`${histogram}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`, /not its count/], [`${histogram}h_bucket{le="+Inf"} 1\nh_count 1\n`, /no sum/], [`${histogram}h 1\n`, /no sample of/]
  ]
  for (const [text, why] of wrong) t.throws(() => parseMetrics(text), why, text)
  const family = (name: string, type: string, help = 'A.'): MetricFamily => ({ name, type, help, samples: [] })
  t.strictSame(lintMetrics([family('a_total', 'counter'), family('b_seconds', 'histogram')]), [])
  for (const bad of [family('a', 'counter'), family('a_total', 'gauge'), family('a_ms', 'gauge'), family('a_milliseconds_total', 'counter'), family('a', 'gauge', ''), family('aB', 'gauge')]) {
    t.equal(lintMetrics([bad]).length, 1, JSON.stringify(bad))
  }
})

t.test('the served text is valid, and each metric has its type and labels of the table', async t => {
  const backend = await backendFor(t, async (request, connection) => {
    if (request.path === '/lost' || (request.path === '/stale' && request.nth > 1)) connection.reset()
    else answer(request, connection)
  })
  const dead = await backendFor(t, persistent())
  await dead.close()
  const secure = await backendFor(t, persistent(), { tls: server })
  const odd = 'a "name" with \\ and\nmore'
  const { url, app, read } = await meteredFor(t, {
    gateway: { undiciOptions: { keepAliveTimeoutThreshold: 1 }, pool: { connectRetry: 0 } },
    routes: [
      { prefix: '/ok', upstream: backend.url, target: odd },
      { prefix: '/secure', upstream: secure.url, undiciOptions: { connect: { ca, ...client } } },
      { prefix: '/dead', upstream: nowhere(dead.port) },
      { prefix: '/unix', upstream: `unix+http://${encodeURIComponent('/run/no such.sock')}/` },
      { prefix: '/chosen', upstream: '', replyOptions: { getUpstream: () => 'http://localhost:9' } }
    ]
  })
  for (const path of ['/ok/', '/ok/', '/ok/stale', '/ok/lost', '/secure/', '/dead/', '/unix/', '/chosen/', '/none']) await request(`${url}${path}`)
  const { targets } = existingState(app)!
  targets.get(odd)!.evict()
  const fake = fakeEndpoints(targets, targets.get(odd)!, [endpointOf('10.0.0.1:80', { exchangeMs: 3 }), endpointOf('10.0.0.2:80')])
  fake.discovery = { endpoints: 2, missing: 0, age: 1, answers: 1, failures: 0, fault: undefined }
  const { headers, body } = await request(`${url}${PATH}`)
  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const families = parseMetrics(body.toString())
  t.strictSame(lintMetrics([...families.values()].filter(({ name }) => OWN.has(name))), [])
  for (const { name, type, meaning, labels } of METRICS) {
    const family = families.get(name)
    t.match(family, { type, help: meaning }, name)
    const used = new Set(family?.samples.flatMap(sample => Object.keys(sample.labels)))
    used.delete('le')
    t.strictSame([...used].sort(), [...labels].sort(), `${name} has samples with these labels, and no other`)
  }
  for (const { name, type } of PROCESS_METRICS) t.equal(families.get(name)?.type, type, name)
  t.equal(valueOf(families, 'holdfast_persistence_state', { target: odd, state: 'persistent' }), 1, 'a name is what it was, escaped')
  for (const [certificate, { cert }] of Object.entries({ backend: server, client })) {
    const end = Date.parse(new X509Certificate(cert).validTo) / 1_000
    t.equal(valueOf(families, 'holdfast_certificate_expiry_timestamp_seconds', { target: secure.url, certificate }), end, certificate)
  }
  t.equal(valueOf(families, 'holdfast_connections_limit', { target: odd }), 128)
  t.equal(valueOf(families, 'http_client_active_requests', { server_address: '/run/no such.sock' }), 0)
  t.equal(valueOf(families, 'http_client_open_connections', { target: 'dynamic', http_connection_state: 'idle' }), 0)
  t.notOk((await read()).get('http_client_open_connections')?.samples.some(({ labels }) => labels.target === 'dynamic' && labels.server_address !== undefined))
  t.ok(valueOf(await read(), 'process_resident_memory_bytes')! > 1_000_000)
})

t.test('the figures match the traffic', async t => {
  const backend = await backendFor(t, (request, connection) => {
    if (request.path === '/stale' && request.nth > 1) connection.end()
    else answer(request, connection, { status: request.path === '/missing' ? 404 : 200 })
  })
  const { url, target, read } = await meteredFor(t, { routes: [{ prefix: '/users/:id', upstream: backend.url }, { prefix: '/other', upstream: backend.url }] })
  const { name } = target
  for (let n = 0; n < 5; n++) await request(`${url}/users/${n}`)
  await request(`${url}/other/missing`)
  await request(`${url}/other/`, { method: 'POST', body: 'x' })
  await request(`${url}/other/stale`)
  const then = await read()
  const figure = (metric: string, labels: Record<string, string> = {}): number | undefined => valueOf(then, metric, { target: name, ...labels })
  t.equal(figure('http_client_open_connections', { http_connection_state: 'idle' }), 1)
  t.equal(figure('http_client_open_connections', { http_connection_state: 'active' }), 0)
  t.equal(figure('http_client_open_connections', { server_address: '127.0.0.1', server_port: String(backend.port), http_connection_state: 'idle' }), 1)
  t.equal(figure('http_client_active_requests'), 0)
  t.equal(figure('holdfast_connections_opened_total'), 2)
  t.equal(figure('holdfast_connect_duration_seconds_count'), 2)
  t.equal(figure('holdfast_handshakes_saved_total'), 7, 'the stale attempt included')
  t.equal(figure('holdfast_handshakes_saved_total'), target.snapshot().totals.reused)
  t.ok(figure('holdfast_connect_seconds_saved_total')! > 0)
  t.equal(figure('holdfast_queue_wait_seconds_count'), 9, 'each attempt had a connection')
  t.equal(figure('holdfast_retries_total', { kind: 'stale' }), 1)
  t.equal(figure('http_client_request_duration_seconds_count', { http_request_method: 'GET', http_response_status_code: '200' }), 6)
  t.equal(figure('http_client_request_duration_seconds_count', { http_request_method: 'POST', http_response_status_code: '200' }), 1)
  t.equal(figure('http_client_request_duration_seconds_count', { http_response_status_code: '404', error_type: '404' }), 1)
  t.equal(figure('http_client_request_duration_seconds_count', { http_request_method: 'GET', error_type: 'backend_active' }), 1, 'the attempt that died')
  const closes = then.get('holdfast_connection_closes_total')!.samples
  t.strictSame(Object.fromEntries(closes.map(({ labels, value }) => [labels.reason, value])), target.snapshot().totals.closed)
  t.equal(figure('http_client_connection_duration_seconds_count'), closes.reduce((sum, { value }) => sum + value, 0))
  t.equal(figure('holdfast_persistence_state', { state: 'persistent' }), 1)
  t.equal(figure('holdfast_persistence_state', { state: 'trial' }), 0)
  t.equal(figure('holdfast_idle_limit_seconds', { source: 'configured' }), 60)
  t.equal(valueOf(then, 'http_server_request_duration_seconds_count', { http_route: '/users/:id', http_request_method: 'GET' }), 5)
  t.equal(valueOf(then, 'http_server_request_duration_seconds_count', { http_route: '/other/*', http_request_method: 'GET', http_response_status_code: '404' }), 1)
  t.equal(valueOf(then, 'http_server_request_duration_seconds_count', { http_request_method: 'POST', http_response_status_code: '200' }), 1)
})

t.test('a request without an answer, or with half of one, is counted by its cause', async t => {
  const backend = await backendFor(t, (request, connection) => {
    if (request.path === '/half') {
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
      connection.reset()
    }
  })
  const { url, port, target, read } = await meteredFor(t, { routes: [{ upstream: backend.url, undiciOptions: { headersTimeout: 5 }, pool: { maxPending: 0 } }] })
  const failed = async (labels: Record<string, string>): Promise<number | undefined> => valueOf(await read(), 'http_client_request_duration_seconds_count', { target: target.name, ...labels })
  await request(`${url}/half`).catch(() => {})
  t.equal(await failed({ error_type: 'backend_active' }), 1)
  const client = await clientFor(t, { port })
  client.write('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => target.snapshot().connections.active === 1)
  t.equal(valueOf(await read(), 'http_client_active_requests', { target: target.name }), 1)
  client.destroy()
  await until(() => target.snapshot().connections.active === 0)
  t.equal(await failed({ error_type: 'client_gone' }), 1)
  t.equal((await request(`${url}/slow`)).status, 504)
  t.equal(await failed({ error_type: 'timeout' }), 1)
  t.equal(valueOf(await read(), 'holdfast_rejected_total', { target: target.name, code: 'HOLDFAST_ERR_HEADERS_TIMEOUT' }), 1)
  t.equal(valueOf(await read(), 'http_client_active_requests', { target: target.name }), 0)
  t.strictSame((await read()).get('holdfast_connection_closes_total')?.samples.map(({ labels, value }) => [labels.reason, value]).sort(),
    [['backend_active', 1], ['client_gone', 1], ['timeout', 1]])
})

t.test('what alerts ask for is 0 in the first scrape, for each declared target', async t => {
  const { read } = await meteredFor(t, { routes: [{ prefix: '/a', upstream: nowhere(1), target: 'a' }, { prefix: '/b', upstream: nowhere(2), target: 'b' }] })
  const first = await read()
  for (const target of ['a', 'b']) {
    t.equal(valueOf(first, 'holdfast_connections_opened_total', { target }), 0)
    for (const code of ['HOLDFAST_ERR_CONNECT', 'HOLDFAST_ERR_QUEUE_FULL']) t.equal(valueOf(first, 'holdfast_rejected_total', { target, code }), 0, code)
    for (const kind of ['unwritten', 'stale', 'unused_timeout', 'fresh', 'connect']) t.equal(valueOf(first, 'holdfast_retries_total', { target, kind }), 0, kind)
  }
  t.strictSame(first.get('holdfast_dial_failures_total')?.samples, [], 'errnos are an open set')
})

t.test('the readiness of the process is what /health/ready says, without the option health too', async t => {
  for (const health of [true, false]) {
    const { app, gateway } = await meteredFor(t, { gateway: { health, drain: { delay: 60_000, deadline: 100 } } })
    const states = async (): Promise<unknown> => {
      const { samples = [] } = parseMetrics((await app.inject(PATH)).body).get('holdfast_readiness_state') ?? {}
      return Object.fromEntries(samples.map(({ labels, value }) => [labels.state, value]))
    }
    t.strictSame(await states(), { ready: 1, draining: 0, pressure: 0 })
    const drained = gateway.drain()
    t.strictSame(await states(), { ready: 0, draining: 1, pressure: 0 })
    await app.close()
    await drained
  }
  // Below the size of any process.
  const { app, read } = await meteredFor(t, { gateway: { pressure: { maxHeapUsedBytes: 1, sampleInterval: 10 } } })
  await until(() => app.isUnderPressure())
  t.equal(valueOf(await read(), 'holdfast_readiness_state', { state: 'pressure' }), 1)
  t.equal(valueOf(await read(), 'holdfast_readiness_state', { state: 'ready' }), 0)
})

t.test('a request that chooses one target too many is counted for the dynamic targets', async t => {
  let release = (): void => {}
  const backend = await backendFor(t, (_request, connection) => { release = () => connection.reset() })
  const { url, read } = await meteredFor(t, {
    gateway: { maxDynamicTargets: 1 },
    routes: [{ prefix: '/api', upstream: '', replyOptions: { getUpstream: ({ headers }) => String(headers['x-host']) } }]
  })
  const ask = (host: string): ReturnType<typeof request> => request(`${url}/api`, { headers: { 'x-host': host } })
  const waiting = ask(backend.url)
  await backend.waitFor(({ requests }) => requests === 1)
  t.equal((await ask(nowhere(1))).status, 503)
  t.equal(valueOf(await read(), 'holdfast_rejected_total', { target: 'dynamic', code: 'HOLDFAST_ERR_TOO_MANY_TARGETS' }), 1)
  release()
  await waiting
})

t.test('a dial that fails is counted by its errno', async t => {
  const backend = await backendFor(t, persistent())
  await backend.close()
  const { url, read } = await meteredFor(t, { routes: [{ upstream: nowhere(backend.port), pool: { connectRetry: 0 } }] })
  t.equal((await request(url)).status, 502)
  t.equal(valueOf(await read(), 'holdfast_dial_failures_total', { error_type: 'ECONNREFUSED' }), 1)
  t.equal(valueOf(await read(), 'holdfast_rejected_total', { code: 'HOLDFAST_ERR_CONNECT' }), 1)
  t.equal(valueOf(await read(), 'http_server_request_duration_seconds_count', { http_response_status_code: '502' }), 1)
})

t.test('a thousand paths and a thousand backends make no more series than a few', async t => {
  const backend = await backendFor(t, persistent())
  // The same backend by another name.
  const dial = ((_to, callback) => {
    const socket = connect(backend.port, '127.0.0.1', () => callback(null, socket))
  }) as ConnectFunction
  const { app, gateway } = await meteredFor(t, {
    gateway: { maxDynamicTargets: 20 },
    routes: [{ prefix: '/api', upstream: '', undiciOptions: { connect: dial }, replyOptions: { getUpstream: ({ headers }) => `http://${String(headers['x-host'])}.test` } }]
  })
  const read = async (): Promise<Map<string, MetricFamily>> => parseMetrics((await app.inject(PATH)).body)
  const ask = async (n: number): Promise<void> => { await app.inject({ url: `/api/p${n}/x`, headers: { 'x-host': `h${n}` } }) }
  // After this every kind of event has happened once.
  for (let n = 0; n < 25; n++) await ask(n)
  const before = series(await read())
  for (let n = 25; n < 1_000; n += 15) await Promise.all(Array.from({ length: 15 }, (_, i) => ask(n + i)))
  const after = await read()
  t.strictSame(series(after), before)
  t.notMatch(series(after).join('\n'), /\.test|\/p\d|h\d+/)
  t.equal(valueOf(after, 'holdfast_connections_opened_total', { target: 'dynamic' }), 1_000, 'nothing is lost with those that went')
  t.equal(valueOf(after, 'http_client_request_duration_seconds_count', { target: 'dynamic', http_response_status_code: '200' }), 1_000)
  t.equal(valueOf(after, 'http_server_request_duration_seconds_count', { http_route: '/api/*', http_request_method: 'GET' }), 1_000)
  t.equal([...gateway.targets].length, 20)
  t.equal(valueOf(after, 'http_client_open_connections', { target: 'dynamic', http_connection_state: 'idle' }), 20)
})

t.test('two apps share nothing', async t => {
  const backend = await backendFor(t, persistent())
  const setup = { routes: [{ upstream: backend.url }] }
  const one = await meteredFor(t, setup)
  const two = await meteredFor(t, setup)
  await request(one.url)
  t.equal(valueOf(await one.read(), 'holdfast_connections_opened_total'), 1)
  t.equal(valueOf(await two.read(), 'holdfast_connections_opened_total'), 0)
  t.strictSame((await two.read()).get('http_server_request_duration_seconds')?.samples, [])
  await one.app.close()
  await request(two.url)
  t.equal(valueOf(await two.read(), 'holdfast_connections_opened_total'), 1)
})

t.test('metrics are served only with a path, and scrapes do not count as traffic', async t => {
  const backend = await backendFor(t, persistent())
  const routes = [{ upstream: backend.url }]
  const { url: without } = await gatewayFor(t, { routes })
  await request(`${without}${PATH}`)
  t.equal(backend.requests, 1, 'it is the backend\'s path')
  const { url, read } = await meteredFor(t, { routes })
  await request(`${url}/x`)
  const before = series(await read())
  const counted = valueOf(await read(), 'http_server_request_duration_seconds_count')
  t.strictSame(series(await read()), before)
  t.equal(valueOf(await read(), 'http_server_request_duration_seconds_count'), counted)
  t.equal(counted, 1)
  t.equal(backend.requests, 2)
})

t.test('with an admin surface metrics are counted, even without a path for clients', async t => {
  const backend = await backendFor(t, persistent())
  const { app, url } = await gatewayFor(t, { gateway: { admin: { port: 0 } }, routes: [{ upstream: backend.url }] })
  await request(`${url}${PATH}`)
  t.equal(backend.requests, 1)
  const metrics = metricsOf(existingState(app)!, () => 'ready')
  t.equal(valueOf(parseMetrics(await metrics.text()), 'http_server_request_duration_seconds_count'), 1)
  t.equal(valueOf(parseMetrics(await metrics.text()), 'holdfast_connections_opened_total'), 1)
})

t.test('a closed app is not kept in memory', async t => {
  const app = Fastify()
  await app.register(gateway, { metrics: { path: PATH } })
  const metrics = metricsOf(existingState(app)!, () => 'ready')
  await app.close()
  t.notMatch(await metrics.text(), /\w/)
})

t.test('an invalid path is refused', async t => {
  for (const metrics of [{}, { path: '' }, { path: 'metrics' }, { path: 1 }, { path: '/m', port: 1 }, '/metrics', null, true]) {
    const app = Fastify()
    t.teardown(() => app.close())
    await t.rejects(async () => await app.register(gateway, { metrics } as object), { code: 'HOLDFAST_ERR_OPTION', message: /metrics/ }, JSON.stringify(metrics))
  }
})
