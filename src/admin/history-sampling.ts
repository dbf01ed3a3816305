import type { Target } from '../target/target.js'
import type { History } from './history.js'

const SECOND = 1_000

/** Gives a history the number of requests of each target, at the beginning of each second. */
export function sampleEachSecond (history: History, targets: Iterable<Target>): { stop (): void } {
  let timer: NodeJS.Timeout
  const wait = (): void => { timer = setTimeout(sample, SECOND - Date.now() % SECOND).unref() }
  const sample = (): void => {
    history.sample([...targets].map(target => [target.name, target.snapshot().totals.requests]))
    wait()
  }
  wait()
  return { stop: () => clearTimeout(timer) }
}
