import type { Metric, Registry } from 'prom-client'

/** A metric as prom-client's registry reads it. */
export interface Figures {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly values: readonly object[]
}

/**
 * Registers a metric whose figures were counted elsewhere: prom-client's own histograms cannot be given any. Its
 * registry takes whatever has a name and a `get` that tells the figures, as its own metrics are to it, and its docs
 * promise no such thing. Should it ask for more one day, its text fails with an error of its own.
 */
export function registerFigures (registry: Registry, name: string, figures: () => Figures): void {
  const get = async (): Promise<object> => ({ ...figures(), aggregator: 'sum' })
  registry.registerMetric({ name, get } as unknown as Metric)
}
