const NEAR = 0.9

/** How soon a limit becomes right, and for how long it is wrong after each change at the backend. Times in ms. */
export class Convergence {
  /** Idle closes until the limit stayed safe; and until it also stayed within 10 % of the highest safe limit. */
  closesUntilSafe = 0
  closesUntilNear = 0
  /** From each change until the limit was near and stayed near until the next change; Infinity if that did not happen. */
  readonly relearned: number[] = []
  #closes = 0
  #changedAt = 0
  #nearSince = Infinity

  closeSeen (limit: number, safe: number): void {
    this.#closes++
    if (limit > safe) this.closesUntilSafe = this.#closes
    if (!isNear(limit, safe)) this.closesUntilNear = this.#closes
  }

  limitIs (limit: number, safe: number, now: number): void {
    if (!isNear(limit, safe)) this.#nearSince = Infinity
    else if (this.#nearSince === Infinity) this.#nearSince = now
  }

  /** @param safe what the limit should be from now on */
  backendChanged (limit: number, safe: number, now: number): void {
    // Before the first change there is nothing to relearn.
    if (this.#changedAt > 0) this.relearned.push(Math.max(0, this.#nearSince - this.#changedAt))
    this.#changedAt = now
    this.#nearSince = Infinity
    this.limitIs(limit, safe, now)
  }
}

function isNear (limit: number, safe: number): boolean {
  return limit <= safe && limit >= NEAR * safe
}
