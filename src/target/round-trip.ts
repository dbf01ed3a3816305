// Exchanges after which a way that has become longer is noticed.
const WINDOW = 256

/**
 * The shortest time, in ms, that an exchange has taken lately: the way to the backend and back, and what its quickest answer
 * takes. The time to connect would be shorter where something in between, a balancer or a sidecar, accepts in its stead.
 */
export class RoundTrip {
  /** 0 before the first exchange. */
  shortest = 0
  #before = Infinity
  #now = Infinity
  #count = 0

  /** Takes the time of one exchange. Returns true where the shortest one has changed. */
  add (ms: number): boolean {
    if (ms < this.#now) this.#now = ms
    if (++this.#count < WINDOW && ms >= this.shortest && this.shortest > 0) return false
    const shortest = Math.min(this.#before, this.#now)
    if (this.#count >= WINDOW) {
      this.#before = this.#now
      this.#now = Infinity
      this.#count = 0
    }
    if (shortest === this.shortest) return false
    this.shortest = shortest
    return true
  }
}
