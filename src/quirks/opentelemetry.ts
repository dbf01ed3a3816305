import type { trace, Tracer, TracerProvider } from '@opentelemetry/api'

type DelegatingProvider = TracerProvider & { getDelegateTracer? (name: string): Tracer | undefined }

/**
 * A tracer of the registered provider; undefined where none is registered. Without one, the API has a stand-in whose spans nothing reads.
 * Only its `getDelegateTracer` tells it from a provider, and the API's docs do not promise that. If a later version lacks it, spans are
 * made without a provider too.
 */
export function tracerOf (api: { readonly trace: typeof trace }, name: string): Tracer | undefined {
  const provider = api.trace.getTracerProvider() as DelegatingProvider
  return provider.getDelegateTracer === undefined ? provider.getTracer(name) : provider.getDelegateTracer(name)
}
