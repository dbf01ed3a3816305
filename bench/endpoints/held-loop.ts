const EVERY = 5

/**
 * For how long this process has held up its own event loop at most. The time in which another process had the CPU is left out: on a busy
 * machine, that is most of the delay.
 */
export class HeldLoop {
  #longest = 0

  constructor () {
    let last = this.#now()
    setInterval(() => {
      const now = this.#now()
      this.#longest = Math.max(this.#longest, Math.min(now.wall - last.wall - EVERY, now.cpu - last.cpu))
      last = now
    }, EVERY).unref()
  }

  /** The longest time since the last call, in ms. */
  longest (): number {
    const longest = this.#longest
    this.#longest = 0
    return longest
  }

  #now (): { readonly wall: number, readonly cpu: number } {
    const { user, system } = process.cpuUsage()
    return { wall: performance.now(), cpu: (user + system) / 1_000 }
  }
}
