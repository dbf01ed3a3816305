import type { Sample, Labels } from './sample.js'
import { OTHER } from './table.js'

// More than there are reasons, codes and errnos of one kind; whoever makes up words, as a connect function of the user's may, gets no
// more series than that.
const MOST = 64

/** Counts by the value of one label. */
export class Counts {
  readonly #label: string
  readonly #counts = new Map<string, number>()

  constructor (label: string) {
    this.#label = label
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
