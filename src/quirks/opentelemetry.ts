import type { trace, Tracer, TracerProvider } from '@opentelemetry/api'

type DelegatingProvider = TracerProvider & { getDelegateTracer? (name: string): Tracer | undefined }

/**
 * A tracer of the global provider; undefined where none has been registered. The API then has a stand-in, whose spans
 * would be made for no one, and which its docs do not tell from a provider: it has `getDelegateTracer`, which answers
 * undefined. Should it lose that one day, its spans are made, and go nowhere.
 */
export function tracerOf (api: { readonly trace: typeof trace }, name: string): Tracer | undefined {
  const provider = api.trace.getTracerProvider() as DelegatingProvider
  return provider.getDelegateTracer === undefined ? provider.getTracer(name) : provider.getDelegateTracer(name)
}
