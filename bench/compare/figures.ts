import type { Measured, Round, WorkloadResult } from './rounds.js'
import { median } from '../instruments/cpu-time.js'
import { MOST_STOLEN } from '../instruments/stolen-time.js'

// The kernel's figure for a process goes up while other virtual machines have the hardware. Rounds that lost much time to them do not
// count, unless nearly all did.

const ENOUGH = 3

/** A figure that was measured several times. */
export interface Spread { readonly median: number, readonly least: number, readonly most: number }

/** Holdfast's figure over the peer's: below 1, Holdfast has less. Each of the peer's rounds is compared with its neighbours alone. */
export function ratioTo (measured: Measured, figure: keyof Round): Spread {
  return spreadOf(ratiosTo(measured, figure))
}

/** The ratios of `ratioTo`, one for each of the peer's rounds. */
export function ratiosTo (measured: Measured, figure: keyof Round): number[] {
  return calm(besides(measured)).map(([before, own, after]) => mean(before![figure], after![figure]) / own![figure])
}

/** A peer's figure over the floor's, computed from the ratios of Holdfast to each. */
export function ratioToFloor ({ holdfast, peers }: WorkloadResult, measured: Measured, figure: keyof Round): number | undefined {
  const floor = peers.find(({ kind, failed }) => kind?.name === 'floor' && failed === undefined)
  if (floor === undefined) return undefined
  return ratioTo(floor, figure).median / (measured === holdfast ? 1 : ratioTo(measured, figure).median)
}

/** A round of Holdfast over its neighbours, which are Holdfast too: the noise of the machine. */
export function noise (result: WorkloadResult): Spread {
  return spreadOf(toItself(result))
}

/** The median distance of such a ratio from 1, from 0 to 1. */
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

/** How far the rounds of one gateway differ, as a share of their median; infinite for a single round. */
export function latencyNoise ({ latencies }: Measured, percentile: 'p50' | 'p99'): number {
  if (latencies.length < 2) return Infinity
  const { median, least, most } = spreadOf(latencies.map((latency) => latency[percentile]))
  return (most - least) / median
}

/** How many rounds of the peers were undisturbed, as `20 of 27`. */
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
