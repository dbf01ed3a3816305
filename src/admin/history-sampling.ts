import { internalsOf } from '../target/target.js'
import type { Target } from '../target/target.js'
import type { History } from './history.js'

const SECOND = 1_000

/** Each target's number of requests so far. A snapshot would also describe each of its endpoints. */
export function requestsOf (targets: Iterable<Target>): (readonly [name: string, requests: number])[] {
  return [...targets].map(target => [target.name, internalsOf(target).tally.totals.requests] as const)
}

/** Gives a history the number of requests of each target, at the beginning of each second. */
export function sampleEachSecond (history: History, targets: Iterable<Target>): { stop (): void } {
  let timer: NodeJS.Timeout
  let due = 0
  const wait = (): void => {
    const now = Date.now()
    due = now - now % SECOND + SECOND
    timer = setTimeout(sample, due - now).unref()
  }
  const sample = (): void => {
    // Node's timers may come a millisecond early: the requests would count in the second before their own.
    if (Date.now() >= due) history.sample(requestsOf(targets))
    wait()
  }
  wait()
  return { stop: () => clearTimeout(timer) }
}
