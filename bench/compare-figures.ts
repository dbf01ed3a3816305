import type { Measured, Round, WorkloadResult } from './compare-rounds.js'
import { median } from './cpu-time.js'

/** A figure that was measured several times. */
export interface Spread { readonly median: number, readonly least: number, readonly most: number }

/** What Holdfast has for one of the peer: below 1 is less. Each of the peer's rounds is judged by its neighbours alone. */
export function ratioTo ({ neighbours }: Measured, figure: keyof Round): Spread {
  return spreadOf(ratios(neighbours, figure))
}

/** What a peer has for one of the floor, by way of the Holdfast rounds beside each. Of Holdfast: its own ratio. */
export function ratioToFloor ({ holdfast, peers }: WorkloadResult, measured: Measured, figure: keyof Round): Spread | undefined {
  const floor = peers.find(({ kind, failed }) => kind?.name === 'floor' && failed === undefined)
  if (floor === undefined) return undefined
  const toFloor = ratios(floor.neighbours, figure)
  if (measured === holdfast) return spreadOf(toFloor)
  const toPeer = ratios(measured.neighbours, figure)
  return spreadOf(toFloor.map((ratio, n) => ratio / (toPeer[n] ?? NaN)))
}

/** A round of Holdfast to its neighbours, which are Holdfast too: what the machine makes of nothing. */
export function noise ({ holdfast: { rounds } }: WorkloadResult): Spread {
  return spreadOf(rounds.slice(1, -1).map(({ cpu }, n) => cpu / mean(rounds[n]!.cpu, rounds[n + 2]!.cpu)))
}

export function cpuOf ({ rounds }: Measured): Spread {
  return spreadOf(rounds.map(({ cpu }) => cpu))
}

export function perSecondOf ({ rounds }: Measured): number {
  return median(rounds.map(({ perSecond }) => perSecond))
}

export function latencyOf ({ latencies }: Measured, percentile: 'p50' | 'p99' | 'rate'): number {
  return median(latencies.map((latency) => latency[percentile]))
}

function ratios (neighbours: Measured['neighbours'], figure: keyof Round): number[] {
  return neighbours.map(({ peer, before, after }) => mean(before[figure], after[figure]) / peer[figure])
}

function spreadOf (numbers: number[]): Spread {
  return { median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers) }
}

function mean (a: number, b: number): number {
  return (a + b) / 2
}
