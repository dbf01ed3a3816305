import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Bounds } from '../instruments/bounds.js'
import { printTable, type Row } from '../instruments/table.js'

export interface Scenario {
  /** What `npm run bench:endpoints -- <name>` calls it. */
  readonly name: string
  /** What happens in it, for the title of its figures. */
  readonly title: string
  /** Returns its figures. What it starts has to be over when it ends, also if it throws: `Started` does that. */
  run (bounds: Bounds, started: Started): Promise<Row[]>
}

/** What a scenario has started. It is stopped in the reverse order. */
export class Started {
  readonly #stops: (() => unknown)[] = []

  add<T extends { stop (): unknown }> (one: T): T {
    this.#stops.push(() => one.stop())
    return one
  }

  async stop (): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop()
  }
}

// After a longer pause of the machine, in ms, requests that are due go out at once, and times are those of the machine.
const STALLED = 100
const TRIES = 3

/** Runs a scenario, and prints its figures and its bounds. A run that broke a bound is repeated if the machine had stood still. */
export async function runScenario (scenario: Scenario): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const bounds = new Bounds()
    const started = new Started()
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const began = performance.now()
    const rows = await scenario.run(bounds, started).finally(() => started.stop())
    delay.disable()
    const stalled = delay.max / 1e6
    if (bounds.broken && stalled > STALLED && tries < TRIES) {
      console.log(`${scenario.name}: measured again, since the machine stood still for ${Math.round(stalled)} ms`)
      continue
    }
    printTable(`${scenario.name}: ${scenario.title} (${Math.round((performance.now() - began) / 1_000)} s)`, rows)
    bounds.report()
    return !bounds.broken
  }
}
