// What src/quirks/opentelemetry.ts relies on of @opentelemetry/api, asked of it alone.
import { createRequire } from 'node:module'
import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api'
import type { Tracer, TracerProvider } from '@opentelemetry/api'
import t from 'tap'

type Delegating = TracerProvider & { getDelegateTracer? (name: string): Tracer | undefined }

t.test('without a provider the global one is a stand-in, which has no tracer to delegate to', async t => {
  const provider = trace.getTracerProvider() as Delegating
  t.type(provider.getDelegateTracer, 'function')
  t.equal(provider.getDelegateTracer!('name'), undefined)
})

t.test('once a provider is registered, the global one delegates to it', async t => {
  t.teardown(() => trace.disable())
  const tracer = { startSpan () {}, startActiveSpan () {} } as unknown as Tracer
  const asked: string[] = []
  trace.setGlobalTracerProvider({
    getTracer (name) {
      asked.push(name)
      return tracer
    }
  })
  t.equal((trace.getTracerProvider() as Delegating).getDelegateTracer!('name'), tracer)
  t.strictSame(asked, ['name'])
})

t.test('a copy that is loaded by require is the one that is imported', async t => {
  const required = createRequire(import.meta.url)('@opentelemetry/api') as { trace: unknown }
  t.equal(required.trace, trace)
})

t.test('kinds and codes are the numbers of the specification', async t => {
  t.equal(SpanKind.CLIENT, 2)
  t.equal(SpanStatusCode.ERROR, 2)
})

t.test('without a provider or a propagator no span is active, and nothing is written or named', async t => {
  const carrier = {}
  propagation.inject(context.active(), carrier)
  t.same(carrier, {})
  t.same(propagation.fields(), [])
  t.equal(trace.getSpan(context.active()), undefined)
})
