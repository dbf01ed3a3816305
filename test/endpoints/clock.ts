import { setTimeout as sleep } from 'node:timers/promises'

/** A clock for a target: it goes on by a microsecond at each look, so that what is later has a later time, and by what a test lets pass. */
export class Clock {
  #now = 1_000_000

  readonly read = (): number => (this.#now += 0.001)

  pass (ms: number): void {
    this.#now += ms
  }

  /** Lets time pass, bit by bit, until the promise is settled: deadlines are looked at by timers of the system. */
  async passUntil<T> (promise: Promise<T>, ms = 100): Promise<T> {
    const settled = promise.then(() => true, () => true)
    do this.pass(ms)
    while (!await Promise.race([settled, sleep(5, false)]))
    return promise
  }
}
