import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api'
import type { TextMapPropagator } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import t, { type Test } from 'tap'
import type { Provenance } from '../../src/connection/observer.js'
import { findTracing } from '../../src/target/tracing.js'
import type { Backend, BackendConnection } from '../../testing/backend.js'
import type { BackendRequest } from '../../testing/backend-request.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'
import type { GatewaySetup, RunningGateway } from '../../testing/gateway.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`

/** Registers a provider until the test ends. Returns the spans that have ended. */
function tracingFor (t: Test, propagator: TextMapPropagator = new W3CTraceContextPropagator()): (count: number) => Promise<ReadableSpan[]> {
  const exporter = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(propagator)
  t.teardown(() => {
    trace.disable()
    context.disable()
    propagation.disable()
  })
  return async count => {
    await until(() => exporter.getFinishedSpans().length >= count)
    return exporter.getFinishedSpans()
  }
}

/** A gateway, and the traceparent and tracestate headers that its backend gets. */
async function tracedFor (t: Test, answer: (request: BackendRequest, connection: BackendConnection) => void, setup: GatewaySetup = {}): Promise<RunningGateway & { backend: Backend, seen: (string | undefined)[][] }> {
  const seen: (string | undefined)[][] = []
  const backend = await backendFor(t, (request, connection) => {
    seen.push([request.header('traceparent'), request.header('tracestate')])
    answer(request, connection)
  })
  return Object.assign(await gatewayFor(t, { ...setup, routes: [{ upstream: backend.url }] }), { backend, seen })
}

const ok = (_request: BackendRequest, connection: BackendConnection): void => connection.reply({ body: 'ok' })
const traceparentOf = (span: ReadableSpan): string => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`

t.test('without a provider nothing is traced, and the client\'s traceparent is sent on unchanged', async t => {
  const { url, seen } = await tracedFor(t, ok)
  t.equal(findTracing(), undefined)
  await request(url, { headers: { traceparent: TRACEPARENT, tracestate: 'a=1' } })
  t.same(seen, [[TRACEPARENT, 'a=1']])
})

for (const [options, shown] of [[{}, '/a;token=***/b;ssn=1'], [{ log: { mask: ['ssn'] } }, '/a;token=***/b;ssn=***'], [{ log: { mask: false } }, '/a;token=x/b;ssn=1']] as const) {
  t.test(`the URL of a span has no query, and its path is masked as log.mask says: ${shown}`, async t => {
    const spans = tracingFor(t)
    const { url, backend } = await tracedFor(t, ok, { gateway: options })
    await request(`${url}/a;token=x/b;ssn=1?key=y`)
    t.equal((await spans(1))[0]!.attributes['url.full'], backend.url + shown)
  })
}

t.test('an attempt is a span beneath the client\'s, and the backend gets it as the parent', async t => {
  const spans = tracingFor(t)
  const { url, seen, backend } = await tracedFor(t, ({ path }, connection) => connection.reply({ status: path === '/none' ? 404 : 200 }))
  await request(`${url}/users/7?token=secret`, { headers: { traceparent: TRACEPARENT, tracestate: 'a=1' } })
  await request(`${url}/none`)
  const [first, last] = await spans(2)
  t.match(first, { name: 'GET', kind: SpanKind.CLIENT, parentSpanContext: { traceId: TRACE, spanId: PARENT }, status: { code: SpanStatusCode.UNSET } })
  t.strictSame(first!.attributes, {
    'http.request.method': 'GET',
    'url.full': `${backend.url}/users/7`,
    'server.address': '127.0.0.1',
    'server.port': backend.port,
    'holdfast.connection.id': 1,
    'holdfast.connection.reused': false,
    'holdfast.connection.requests': 1,
    'holdfast.connection.idle_ms': 0,
    'holdfast.queue.wait_ms': first!.attributes['holdfast.queue.wait_ms'],
    'holdfast.persistence': 'persistent',
    'http.response.status_code': 200
  })
  t.type(first!.attributes['holdfast.queue.wait_ms'], 'number')
  t.match(last, {
    name: 'GET',
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'http.response.status_code': 404, 'error.type': '404', 'holdfast.connection.reused': true, 'holdfast.connection.requests': 2 }
  })
  t.equal(last!.parentSpanContext, undefined, 'a request without a trace begins one')
  t.same(seen[0], [traceparentOf(first!), 'a=1'])
  t.same(seen[1], [traceparentOf(last!), undefined])
})

t.test('a propagator may write its fields in capitals', async t => {
  const w3c = new W3CTraceContextPropagator()
  const spans = tracingFor(t, {
    fields: () => w3c.fields().map(name => name.toUpperCase()),
    inject: (context, carrier, { set }) => w3c.inject(context, carrier, { set: (to, name, value) => set(to, name.toUpperCase(), value) }),
    extract: (context, carrier, { get, keys }) => w3c.extract(context, carrier, { keys, get: (from, name) => get(from, name.toUpperCase()) })
  })
  const { url, seen } = await tracedFor(t, ok)
  await request(url, { headers: { traceparent: TRACEPARENT, tracestate: 'a=1' } })
  const [span] = await spans(1)
  t.match(span!.parentSpanContext, { traceId: TRACE, spanId: PARENT })
  t.same(seen, [[traceparentOf(span!), 'a=1']], 'once each')
})

t.test('a retry is a span of its own', async t => {
  const spans = tracingFor(t)
  const { url, seen } = await tracedFor(t, ({ nth, path }, connection) => {
    if (nth === 2) connection.reset()
    else connection.reply({ body: path })
  })
  await request(url)
  t.equal((await request(`${url}/again`, { headers: { traceparent: TRACEPARENT } })).status, 200)
  const [, lost, retried] = await spans(3)
  t.match(lost, { parentSpanContext: { spanId: PARENT }, status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'HOLDFAST_ERR_CONNECTION_LOST', 'holdfast.connection.reused': true } })
  t.notOk('http.request.resend_count' in lost!.attributes)
  t.match(retried, { parentSpanContext: { spanId: PARENT }, status: { code: SpanStatusCode.UNSET }, attributes: { 'http.request.resend_count': 1, 'holdfast.connection.reused': false, 'http.response.status_code': 200 } })
  t.same(seen.slice(1).map(([traceparent]) => traceparent), [lost!, retried!].map(traceparentOf))
})

t.test('the active span of the app is the parent, for a request with a body too', async t => {
  const spans = tracingFor(t)
  const { url } = await tracedFor(t, ok, {
    before: app => {
      app.addHook('onRequest', (request, _reply, done) => {
        const span = trace.getTracer('app').startSpan(`route ${request.method}`)
        context.with(trace.setSpan(context.active(), span), done)
        span.end()
      })
    }
  })
  await request(url, { headers: { traceparent: TRACEPARENT } })
  await request(url, { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } })
  const all = await spans(4)
  for (const method of ['GET', 'POST']) {
    const route = all.find(({ name }) => name === `route ${method}`)!
    t.equal(all.find(({ name }) => name === method)!.parentSpanContext?.spanId, route.spanContext().spanId, method)
  }
})

t.test('a dispatched request gets its span, whatever form its headers have', async t => {
  const spans = tracingFor(t)
  const { target, seen } = await tracedFor(t, ok)
  for (const headers of [undefined, { traceparent: TRACEPARENT, accept: 'text/plain' }, ['Traceparent', TRACEPARENT], new Map([['traceparent', TRACEPARENT]])]) {
    await (await target.request({ path: '/', method: 'GET', headers })).body.text()
  }
  const all = await spans(4)
  t.same(seen, all.map(span => [traceparentOf(span), undefined]))
  t.same(all.map(span => span.parentSpanContext?.spanId), [undefined, PARENT, PARENT, PARENT])
  await (await target.request({ path: '/', method: 'PROPFIND' as 'GET' })).body.text()
  t.match((await spans(5))[4], { name: 'HTTP', attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'PROPFIND' } })
})

t.test('the span of an attempt ends without a connection, and when the request is given up', async t => {
  const spans = tracingFor(t)
  const { url, target, backend } = await tracedFor(t, () => {}, { gateway: { pool: { connectRetry: 0 } } })
  const leaving = new AbortController()
  const left = target.request({ path: '/', method: 'GET', signal: leaving.signal })
  await backend.waitFor(({ requests }) => requests === 1)
  leaving.abort()
  await t.rejects(left)
  t.match((await spans(1))[0], { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'HOLDFAST_ERR_CLIENT_GONE' } })
  await backend.close()
  t.equal((await request(url)).status, 502)
  const [, refused] = await spans(2)
  t.match(refused, { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'HOLDFAST_ERR_CONNECT', 'holdfast.connection.id': undefined } })
})

t.test('a span names the endpoint of its attempt, where the target has several', async t => {
  const spans = tracingFor(t)
  const provenance: Provenance = { target: 'users', connection: 1, reused: false, nth: 1, idleMs: 0, waitMs: 0, attempts: 1, retries: [], persistence: 'persistent' }
  for (const endpoint of [{ endpoint: 'eabcdefghij' }, {}]) {
    const call = findTracing()!.call(new URL('http://users.internal'), { method: 'GET', path: '/', headers: [] })
    call.begin()
    call.connected({ ...provenance, ...endpoint })
    call.ended()
  }
  const [several, one] = await spans(2)
  t.equal(several!.attributes['holdfast.endpoint'], 'eabcdefghij')
  t.notOk('holdfast.endpoint' in one!.attributes)
})
