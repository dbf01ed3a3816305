import { SpanKind, context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import t, { type Test } from 'tap'
import { Client, fetch as undiciFetch } from 'undici'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'
import type { Backend } from '../../testing/backend.js'

// An app may use OpenTelemetry's instrumentation of undici for its other calls. A request over a target is not a request of undici's
// Client: it has only the span that the target makes.

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`

interface Traced extends RunningGateway {
  readonly backend: Backend
  /** The values of all `traceparent` lines, a list a request. */
  readonly seen: string[][]
  spans (count: number): Promise<ReadableSpan[]>
}

async function tracedFor (t: Test): Promise<Traced> {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const instrumentation = new UndiciInstrumentation()
  instrumentation.setTracerProvider(provider)
  instrumentation.enable()
  t.teardown(() => {
    instrumentation.disable()
    trace.disable()
    context.disable()
    propagation.disable()
  })
  const seen: string[][] = []
  const backend = await backendFor(t, ({ rawHeaders }, connection) => {
    seen.push(rawHeaders.filter(([name]) => name.toLowerCase() === 'traceparent').map(([, value]) => value))
    connection.reply({ body: 'ok' })
  })
  const gateway = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  return Object.assign(gateway, {
    backend,
    seen,
    spans: async (count: number) => {
      await until(() => exporter.getFinishedSpans().length >= count)
      return exporter.getFinishedSpans()
    }
  })
}

const traceparentOf = (span: ReadableSpan | undefined): string => `00-${span!.spanContext().traceId}-${span!.spanContext().spanId}-01`

t.test('a forwarded request has one client span and one traceparent, of its own trace', async t => {
  const { url, seen, spans } = await tracedFor(t)
  for (const method of ['GET', 'POST']) {
    await request(url, { method, headers: { traceparent: TRACEPARENT }, ...method === 'POST' ? { body: 'hello' } : {} })
  }
  const all = await spans(2)
  t.equal(all.length, 2, 'one a request')
  for (const span of all) t.match(span, { kind: SpanKind.CLIENT, parentSpanContext: { traceId: TRACE, spanId: PARENT }, instrumentationScope: { name: 'holdfast' } })
  t.same(seen, all.map(span => [traceparentOf(span)]), 'one line each')
})

t.test('a dispatched request has one client span too, beneath the active span', async t => {
  const { target, backend, seen, spans } = await tracedFor(t)
  const active = trace.getTracer('app').startSpan('active')
  const init: object = { dispatcher: target }
  await context.with(trace.setSpan(context.active(), active), async () => {
    await (await target.request({ path: '/', method: 'GET' })).body.text()
    await (await undiciFetch(backend.url, { dispatcher: target, method: 'POST', body: 'hello' })).text()
    await (await fetch(backend.url, init)).text()
  })
  const all = await spans(3)
  t.equal(all.length, 3, 'one a call')
  for (const span of all) t.match(span, { kind: SpanKind.CLIENT, parentSpanContext: active.spanContext(), instrumentationScope: { name: 'holdfast' } })
  t.same(seen, all.map(span => [traceparentOf(span)]), 'one line each')
})

t.test('requests that the app sends by undici itself are still instrumented', async t => {
  const { backend, seen, spans } = await tracedFor(t)
  const client = new Client(backend.url)
  t.teardown(() => client.destroy())
  await (await client.request({ path: '/', method: 'GET' })).body.text()
  const [span] = await spans(1)
  t.match(span, { kind: SpanKind.CLIENT, instrumentationScope: { name: '@opentelemetry/instrumentation-undici' } })
  t.same(seen, [[traceparentOf(span)]])
})
