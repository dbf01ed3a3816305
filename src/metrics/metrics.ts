import { Registry, collectDefaultMetrics } from 'prom-client'
import { registerFigures } from '../quirks/prom-client.js'
import type { TargetRegistry } from '../target/registry.js'
import { Recorder } from './recorder.js'
import { scrape } from './scrape.js'
import type { ReadinessState } from './scrape.js'
import { METRICS } from './table.js'

/** An app's metrics in Prometheus' text format, in a registry of their own. */
export class Metrics {
  readonly recorder: Recorder
  readonly #targets: TargetRegistry
  readonly #readiness: () => ReadinessState
  readonly #registry = new Registry()
  #figures: ReturnType<typeof scrape>

  constructor (targets: TargetRegistry, readiness: () => ReadinessState) {
    this.#targets = targets
    this.#readiness = readiness
    this.recorder = new Recorder(targets)
    this.#figures = scrape(targets, this.recorder, readiness())
    for (const { name, type, meaning } of METRICS) {
      registerFigures(this.#registry, name, () => ({ name, type, help: meaning, values: this.#figures[name] }))
    }
    collectDefaultMetrics({ register: this.#registry })
  }

  get contentType (): string {
    return this.#registry.contentType
  }

  /** All figures of this moment. */
  async text (): Promise<string> {
    this.#figures = scrape(this.#targets, this.recorder, this.#readiness())
    return await this.#registry.metrics()
  }

  /**
   * Removes all metrics from the registry: prom-client's observer of garbage collections keeps the registry for the life of the process.
   */
  close (): void {
    this.#registry.clear()
  }
}

const byTargets = new WeakMap<TargetRegistry, Metrics>()

/**
 * The metrics of an app. They count from the first call on.
 *
 * @param readiness of the first call is asked at each scrape
 */
export function metricsOf ({ targets }: { readonly targets: TargetRegistry }, readiness: () => ReadinessState): Metrics {
  let metrics = byTargets.get(targets)
  if (metrics === undefined) {
    byTargets.set(targets, metrics = new Metrics(targets, readiness))
    targets.observe(metrics.recorder)
  }
  return metrics
}
