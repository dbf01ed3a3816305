import type { Measured, Round, WorkloadResult } from './rounds.js'
import { median } from '../instruments/cpu-time.js'
import { MOST_STOLEN } from '../instruments/stolen-time.js'

// What a process takes by the kernel's account goes up while others have the hardware, so rounds in which that was much do not count,
// unless nearly all are like that.

const ENOUGH = 3

/** A figure that was measured several times. */
export interface Spread { readonly median: number, readonly least: number, readonly most: number }

/** What Holdfast has for one of the peer: below 1 is less. Each of the peer's rounds is judged by its neighbours alone. */
export function ratioTo (measured: Measured, figure: keyof Round): Spread {
  return spreadOf(ratiosTo(measured, figure))
}

/** The same, one for each of the peer's rounds. */
export function ratiosTo (measured: Measured, figure: keyof Round): number[] {
  return calm(besides(measured)).map(([before, own, after]) => mean(before![figure], after![figure]) / own![figure])
}

/** What a peer has for one of the floor, by way of the Holdfast rounds beside each. */
export function ratioToFloor ({ holdfast, peers }: WorkloadResult, measured: Measured, figure: keyof Round): number | undefined {
  const floor = peers.find(({ kind, failed }) => kind?.name === 'floor' && failed === undefined)
  if (floor === undefined) return undefined
  return ratioTo(floor, figure).median / (measured === holdfast ? 1 : ratioTo(measured, figure).median)
}

/** A round of Holdfast to its neighbours, which are Holdfast too: what the machine makes of nothing. */
export function noise (result: WorkloadResult): Spread {
  return spreadOf(toItself(result))
}

/** By how much of it such a round is commonly off, 0 to 1: half of them are by more. */
export function commonNoise (result: WorkloadResult): number {
  return median(toItself(result).map((ratio) => Math.abs(ratio - 1)))
}

function toItself ({ holdfast: { rounds } }: WorkloadResult): number[] {
  const triples = rounds.slice(1, -1).map((round, n) => [rounds[n]!, round, rounds[n + 2]!])
  return calm(triples).map(([before, own, after]) => own!.cpu / mean(before!.cpu, after!.cpu))
}

export function cpuOf (measured: Measured): Spread {
  return spreadOf(calmRounds(measured).map(({ cpu }) => cpu))
}

export function perSecondOf (measured: Measured): number {
  return median(calmRounds(measured).map(({ perSecond }) => perSecond))
}

export function latencyOf ({ latencies }: Measured, percentile: 'p50' | 'p99' | 'rate'): number {
  return median(latencies.map((latency) => latency[percentile]))
}

/** By how much of their median the rounds of one gateway differ; infinite where there is but one. */
export function latencyNoise ({ latencies }: Measured, percentile: 'p50' | 'p99'): number {
  if (latencies.length < 2) return Infinity
  const { median, least, most } = spreadOf(latencies.map((latency) => latency[percentile]))
  return (most - least) / median
}

/** How many of the peers' rounds were not disturbed, as `20 of 27`. */
export function undisturbed ({ peers }: WorkloadResult): string {
  const triples = peers.filter(({ failed }) => failed === undefined).flatMap(besides)
  return `${triples.filter(isCalm).length} of ${triples.length}`
}

/** Each round with its neighbours. */
function besides ({ neighbours }: Measured): Round[][] {
  return neighbours.map(({ peer, before, after }) => [before, peer, after])
}

function calmRounds ({ rounds }: Measured): Round[] {
  return calm(rounds.map((round) => [round])).flat()
}

function calm (rounds: Round[][]): Round[][] {
  const some = rounds.filter(isCalm)
  return some.length >= ENOUGH ? some : rounds
}

function isCalm (rounds: Round[]): boolean {
  return rounds.every(({ stolen }) => stolen <= MOST_STOLEN)
}

function spreadOf (numbers: number[]): Spread {
  return { median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers) }
}

function mean (a: number, b: number): number {
  return (a + b) / 2
}
