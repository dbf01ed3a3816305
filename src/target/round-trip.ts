// A round trip that has become longer is noticed after at most twice so many exchanges.
const WINDOW = 256

/**
 * The shortest time, in ms, that an exchange has taken lately: the network's round trip, and the time of the backend's quickest response.
 * The time to connect is no measure of it: a balancer or a sidecar may accept the connection in the backend's place.
 */
export class RoundTrip {
  /** 0 before the first exchange. */
  shortest = 0
  #before = Infinity
  #now = Infinity
  #count = 0

  /** Adds the time of one exchange. Returns whether `shortest` has changed. */
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
