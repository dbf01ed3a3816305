import type { Target } from '../target/target.js'
import type { History } from './history.js'

const SECOND = 1_000

/** Tells a history, at the beginning of each second, how many requests each target has had. */
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
