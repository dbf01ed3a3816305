/** Retries per request, and per second besides, over a window in ms. The numbers of Finagle's RetryBudget. */
export interface BudgetSettings {
  readonly ratio: number
  readonly perSecond: number
  readonly window: number
}

export const RETRY_BUDGET: BudgetSettings = { ratio: 0.2, perSecond: 10, window: 10_000 }

const SLOTS = 10

/**
 * How many requests that were written may be sent again: 20 % of the requests of the last 10 s, and 10 a second besides, so that a target
 * with few requests may retry too. Without a bound, the retries of all gateways would double the load of a backend that fails under load.
 *
 * It counts in ten slots of a second, and allocates nothing.
 */
export class RetryBudget {
  readonly #settings: BudgetSettings
  readonly #requests = new Float64Array(SLOTS)
  readonly #retries = new Float64Array(SLOTS)
  #slot = 0

  constructor (settings: BudgetSettings = RETRY_BUDGET) {
    this.#settings = settings
  }

  /** A request has begun. Retries are not counted here. */
  requested (now: number): void {
    this.#advance(now)
    this.#requests[this.#slot % SLOTS]!++
  }

  /** Whether one more retry is within the budget. */
  affords (now: number): boolean {
    this.#advance(now)
    const { ratio, perSecond, window } = this.#settings
    return sum(this.#retries) < ratio * sum(this.#requests) + perSecond * window / 1_000
  }

  /** A request that was written is sent again. */
  retried (now: number): void {
    this.#advance(now)
    this.#retries[this.#slot % SLOTS]!++
  }

  #advance (now: number): void {
    const slot = Math.floor(now * SLOTS / this.#settings.window)
    if (slot <= this.#slot) return
    for (let passed = Math.max(this.#slot + 1, slot - SLOTS + 1); passed <= slot; passed++) {
      this.#requests[passed % SLOTS] = this.#retries[passed % SLOTS] = 0
    }
    this.#slot = slot
  }
}

function sum (counts: Float64Array): number {
  let total = 0
  for (let n = 0; n < SLOTS; n++) total += counts[n]!
  return total
}
