import type { Labels, Sample } from './sample.js'

/**
 * Counts of durations by upper bound, in ms. Observing costs a few comparisons. prom-client's histogram finds its series by a hash of the
 * labels at each call, which costs as much as all other work for a metric.
 */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  #sum = 0

  constructor (bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe (ms: number): void {
    const bounds = this.#bounds
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (ms > bounds[middle]!) low = middle + 1
      else high = middle
    }
    this.#counts[low]!++
    this.#sum += ms
  }

  /** The samples in Prometheus' form: in seconds, and each bucket counts those below it too. */
  samples (name: string, labels: Labels): Sample[] {
    const samples: Sample[] = []
    let count = 0
    for (const [i, here] of this.#counts.entries()) {
      count += here
      const bound = this.#bounds[i]
      samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: bound === undefined ? '+Inf' : bound / 1_000 }, value: count })
    }
    samples.push({ metricName: `${name}_sum`, labels, value: this.#sum / 1_000 }, { metricName: `${name}_count`, labels, value: count })
    return samples
  }
}
