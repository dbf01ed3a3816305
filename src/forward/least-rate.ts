/** Over how long a rate is averaged, in ms. */
const WINDOW = 10_000

/**
 * Bytes over the time in which they were waited for: what a client owes while nothing but its own next piece is missing. Pure; times in ms,
 * rates in bytes a second.
 */
export class RateWindow {
  readonly #least: number
  #bytes = 0
  #waited = 0
  #since: number | undefined

  constructor (least: number) {
    this.#least = least
  }

  add (bytes: number): void {
    this.#bytes += bytes
  }

  /** Waits for the client from now on. */
  resume (now: number): void {
    this.#since ??= now
  }

  /** Something else is waited for. */
  pause (now: number): void {
    if (this.#since === undefined) return
    this.#waited += now - this.#since
    this.#since = undefined
  }

  /** How much more has to be waited for the client until `judge` has a full window; undefined while it is not waited for. */
  left (now: number): number | undefined {
    return this.#since === undefined ? undefined : WINDOW - this.#waited - (now - this.#since)
  }

  /** Whether the client was too slow in a full window; the next one begins then. */
  judge (now: number): boolean {
    const waited = this.#waited + (this.#since === undefined ? 0 : now - this.#since)
    if (waited < WINDOW) return false
    const tooSlow = this.#bytes * 1_000 < this.#least * waited
    this.#bytes = this.#waited = 0
    if (this.#since !== undefined) this.#since = now
    return tooSlow
  }
}

/** Calls back once where a client sends less than it has to. */
export class LeastRate {
  readonly #window: RateWindow
  readonly #tooSlow: () => void
  #timer: NodeJS.Timeout | undefined

  private constructor (least: number, tooSlow: () => void) {
    this.#window = new RateWindow(least)
    this.#tooSlow = tooSlow
  }

  /** @param least in bytes a second; 0 for none */
  static of (least: number, tooSlow: () => void): LeastRate | undefined {
    return least === 0 ? undefined : new LeastRate(least, tooSlow)
  }

  add (bytes: number): void {
    this.#window.add(bytes)
  }

  resume (): void {
    this.#window.resume(performance.now())
    this.#timer ??= setTimeout(this.#look, this.#window.left(performance.now()))
  }

  pause (): void {
    this.#window.pause(performance.now())
  }

  stop (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look = (): void => {
    const now = performance.now()
    this.#timer = undefined
    if (this.#window.judge(now)) return this.#tooSlow()
    const left = this.#window.left(now)
    // Paused: the timer starts again with the next `resume`.
    if (left !== undefined) this.#timer = setTimeout(this.#look, Math.max(1, left))
  }
}
