/** The time over which a rate is averaged, in ms. */
const WINDOW = 10_000

/**
 * The rate of a client's upload: its bytes over the time in which only the client was waited for. Pure; times in ms, rates in bytes a
 * second.
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

  /** The client is waited for from now on. */
  resume (now: number): void {
    this.#since ??= now
  }

  /** The client is not waited for any more: the backend is, for example. */
  pause (now: number): void {
    if (this.#since === undefined) return
    this.#waited += now - this.#since
    this.#since = undefined
  }

  /** How long the client has to be waited for until the window is full; undefined while the client is not waited for. */
  left (now: number): number | undefined {
    return this.#since === undefined ? undefined : WINDOW - this.#waited - (now - this.#since)
  }

  /** Whether the window is full and the client was too slow in it. A full window ends here, and the next one begins. */
  judge (now: number): boolean {
    const waited = this.#waited + (this.#since === undefined ? 0 : now - this.#since)
    if (waited < WINDOW) return false
    const tooSlow = this.#bytes * 1_000 < this.#least * waited
    this.#bytes = this.#waited = 0
    if (this.#since !== undefined) this.#since = now
    return tooSlow
  }
}

/** Calls back once where a client's upload is slower than the least rate. */
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
    // Undefined while paused. The next `resume` starts the timer again.
    if (left !== undefined) this.#timer = setTimeout(this.#look, Math.max(1, left))
  }
}
