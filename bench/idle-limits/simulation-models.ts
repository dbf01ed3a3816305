import { fixed, killing, reconfigured, restarting, spread, sweeping, twoHabits } from './simulation-backends.js'
import type { Scenario } from './simulation.js'

export type Kind = 'fixed' | 'far or slow' | 'spread' | 'two habits' | 'changes' | 'killed'

/** A kind of backend, with the traffic that shows most about it. Times in ms. */
export interface Model extends Omit<Scenario, 'gap' | 'requests' | 'seed'> {
  readonly name: string
  readonly kind: Kind
  /** The mean gap of the traffic: half of this, this, and twice this, so that idle times are about the timeout. */
  readonly timeout: number
}

const STALLS = 5_000
const MINUTE = 60_000

const plain = { roundTrip: 40, service: 1, bursts: true, stallEvery: 0 } as const

export const MODELS: readonly Model[] = [
  ...[1, 2, 3, 5, 60].map((s): Model => ({ ...plain, name: `${s} s`, kind: 'fixed', timeout: s * 1_000, backend: fixed(s * 1_000) })),
  { ...plain, name: '2 s, late by up to 8 ms', kind: 'fixed', timeout: 2_000, backend: fixed(2_000, 8) },
  { ...plain, name: '2 s, 0.2 ms away', kind: 'fixed', timeout: 2_000, backend: fixed(2_000), roundTrip: 0.2 },
  { ...plain, name: '2 s, 150 ms away', kind: 'fixed', timeout: 2_000, backend: fixed(2_000), roundTrip: 150 },
  { ...plain, name: '2 s, says 30 s', kind: 'fixed', timeout: 2_000, backend: fixed(2_000), claimed: 30_000 },
  { ...plain, name: '0.5 s, 150 ms away', kind: 'far or slow', timeout: 500, backend: fixed(500), roundTrip: 150 },
  { ...plain, name: '2 s, answers take 200 ms', kind: 'far or slow', timeout: 2_000, backend: fixed(2_000), service: 200 },
  { ...plain, name: '2 s, answers take 1 s', kind: 'far or slow', timeout: 2_000, backend: fixed(2_000), service: 1_000 },
  { ...plain, name: '1 s, stalls here', kind: 'far or slow', timeout: 1_000, backend: fixed(1_000), stallEvery: STALLS },
  { ...plain, name: '2 s, stalls here', kind: 'far or slow', timeout: 2_000, backend: fixed(2_000), stallEvery: STALLS },
  { ...plain, name: 'gunicorn, 2 to 3 s', kind: 'spread', timeout: 2_000, backend: spread(2_000, 3_000) },
  { ...plain, name: 'gunicorn, 150 ms away', kind: 'spread', timeout: 2_000, backend: spread(2_000, 3_000), roundTrip: 150 },
  { ...plain, name: 'gunicorn, stalls here', kind: 'spread', timeout: 2_000, backend: spread(2_000, 3_000), stallEvery: STALLS },
  { ...plain, name: 'a sweep each second, 2 s', kind: 'spread', timeout: 2_000, backend: sweeping(2_000, 1_000) },
  { ...plain, name: '2 s and 30 s, evenly', kind: 'two habits', timeout: 2_000, backend: twoHabits(2_000, 30_000, 0.5) },
  { ...plain, name: '2 s one in ten, else 30 s', kind: 'two habits', timeout: 2_000, backend: twoHabits(2_000, 30_000, 0.1) },
  { ...plain, name: '30 s one in ten, else 2 s', kind: 'two habits', timeout: 2_000, backend: twoHabits(2_000, 30_000, 0.9) },
  { ...plain, name: '2 s, restarts, one connection', kind: 'changes', timeout: 2_000, backend: restarting(fixed(2_000), 4 * MINUTE), bursts: false },
  { ...plain, name: '2 s, restarts', kind: 'changes', timeout: 2_000, backend: restarting(fixed(2_000), 4 * MINUTE) },
  { ...plain, name: '75 s, restarts', kind: 'changes', timeout: 2_000, backend: restarting(fixed(75_000), 4 * MINUTE), learnedAfter: 0 },
  { ...plain, name: '75 s, one request in 100 kills', kind: 'killed', timeout: 200, backend: killing(fixed(75_000), 0.01), learnedAfter: 0 },
  { ...plain, name: '2, 30, 2 s by reload', kind: 'changes', timeout: 2_000, backend: reconfigured([2_000, 30_000], 5 * MINUTE, 'restart') },
  { ...plain, name: '2, 30, 2 s', kind: 'changes', timeout: 2_000, backend: reconfigured([2_000, 30_000], 5 * MINUTE, 'live') },
  { ...plain, name: '5, 1, 5 s', kind: 'changes', timeout: 2_000, backend: reconfigured([5_000, 1_000], 5 * MINUTE, 'live') },
  { ...plain, name: '60, 5, 60 s by reload', kind: 'changes', timeout: 5_000, backend: reconfigured([60_000, 5_000], 10 * MINUTE, 'restart') }
]

/** The three densities of its traffic. */
export function scenarios ({ name: _name, kind: _kind, timeout, ...rest }: Model, requests: number): Scenario[] {
  return [0.5, 1, 2].map((times, n) => ({ ...rest, gap: timeout * times, requests, seed: 100 + 10 * n }))
}
