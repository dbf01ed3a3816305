import type { Sample, Labels } from './sample.js'
import { OTHER } from './table.js'

// More than the reasons, codes and errnos of one kind. A user's `connect` function may make errors of any number of codes: this bounds
// their series.
const MOST = 64

/** Counts by the value of one label. */
export class Counts {
  readonly #label: string
  readonly #counts = new Map<string, number>()

  /**
   * @param known values that have a series of 0 before their first count. `rate()` cannot see the step from no series to a first 1: an
   *   alert would miss the first failures
   */
  constructor (label: string, known: readonly string[] = []) {
    this.#label = label
    for (const value of known) this.#counts.set(value, 0)
  }

  add (value: string): void {
    const count = this.#counts.get(value)
    if (count === undefined && this.#counts.size >= MOST && value !== OTHER) return this.add(OTHER)
    this.#counts.set(value, (count ?? 0) + 1)
  }

  samples (labels: Labels): Sample[] {
    return [...this.#counts].map(([value, count]) => ({ labels: { ...labels, [this.#label]: value }, value: count }))
  }
}
