import { Registry, collectDefaultMetrics } from 'prom-client'
import { registerFigures } from '../quirks/prom-client.js'
import type { TargetRegistry } from '../target/registry.js'
import { Recorder } from './recorder.js'
import { scrape } from './scrape.js'
import { METRICS } from './table.js'

/** An app's metrics in Prometheus' text format, in a registry of their own. */
export class Metrics {
  readonly recorder: Recorder
  readonly #targets: TargetRegistry
  readonly #registry = new Registry()
  #figures: ReturnType<typeof scrape>

  constructor (targets: TargetRegistry) {
    this.#targets = targets
    this.recorder = new Recorder(targets)
    this.#figures = scrape(targets, this.recorder)
    for (const { name, type, meaning } of METRICS) {
      registerFigures(this.#registry, name, () => ({ name, type, help: meaning, values: this.#figures[name] }))
    }
    collectDefaultMetrics({ register: this.#registry })
  }

  get contentType (): string {
    return this.#registry.contentType
  }

  /** What all figures are now. */
  async text (): Promise<string> {
    this.#figures = scrape(this.#targets, this.recorder)
    return await this.#registry.metrics()
  }

  /** Lets go of everything: prom-client's observer of garbage collections holds the registry for as long as the process lives. */
  close (): void {
    this.#registry.clear()
  }
}
