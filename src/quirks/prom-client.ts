import type { Metric, Registry } from 'prom-client'

/** What a metric says of itself when it is read. */
export interface Figures {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly values: readonly object[]
}

/**
 * Registers a metric whose figures are counted elsewhere. prom-client's own histograms take single observations only. Its registry reads
 * any object with a name and a function `get`, which its docs do not promise. If a later version needs more, the metrics cannot be read,
 * and the error says why.
 */
export function registerFigures (registry: Registry, name: string, figures: () => Figures): void {
  const get = async (): Promise<object> => ({ ...figures(), aggregator: 'sum' })
  registry.registerMetric({ name, get } as unknown as Metric)
}
