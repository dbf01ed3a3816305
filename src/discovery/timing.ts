/** The clock, the timers and the randomness of discovery. Tests give their own. */
export interface Timing {
  /** A time in ms that never goes back. */
  readonly clock: () => number
  /** Calls `then` after `ms`. Returns a function that cancels it. */
  readonly after: (ms: number, then: () => void) => () => void
  /** A number in [0, 1). */
  readonly random: () => number
}

/** The process's own. Its timers do not keep the process alive. */
export const SYSTEM_TIMING: Timing = {
  clock: () => performance.now(),
  after: (ms, then) => {
    const timer = setTimeout(then, ms).unref()
    return () => clearTimeout(timer)
  },
  random: Math.random
}
