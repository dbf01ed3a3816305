import { parseArgs } from 'node:util'
import { ESTIMATOR } from '../../src/target/idle-limit.js'
import type { Estimator } from '../../src/target/idle-limit.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { type Figures, simulate } from './simulation.js'
import { SETTINGS } from './simulation-learner.js'
import { type Kind, MODELS, type Model, scenarios } from './simulation-models.js'
import { printTable, type Row } from '../instruments/table.js'

// Runs the estimator of idle limits with backends of many kinds, in virtual time. Then it varies each constant, to show what the constant
// is good for. A stale hit is a request that arrives on a connection that its backend has closed: a GET is sent again, a POST is lost.

// Requests for each of a backend's three densities of traffic.
const { values: { requests } } = parseArgs({ options: { requests: { type: 'string' }, quick: { type: 'boolean' } } })
const REQUESTS = Number(requests ?? (quick ? 2_000 : 4_000))
const REQUESTS_VARIED = Number(requests ?? 1_500)

/** Constants for which half and double would show little, with other values to try. */
const VARIED: { readonly [name in keyof Estimator]?: readonly number[] } = {
  window: [4, 64],
  spread: [1.25, 2],
  leastMargin: [5, 50],
  uncertainty: [0.05, 0.3],
  gaps: [1, 4],
  mostWay: [0.1, 0.5],
  shortest: [25, 400],
  longestBatch: [200, 10_000],
  batch: [20, 500],
  mostNeeded: [1, 32],
  lasting: [4, 1024]
}

/**
 * Reuse with an oracle that knows when each connection times out, and with the highest limit that is safe for all connections, set by hand.
 */
interface Reference { readonly oracle: number, readonly byHand: number }

/** A model's figures over its three densities. Stale hits are per 10 000 requests; reuse is in per cent. */
interface Result {
  readonly model: Model
  readonly runs: readonly Figures[]
  readonly gets: number
  readonly posts: number
  readonly reuse: number
  readonly belowOracle: number
  readonly belowHand: number
}

const bounds = new Bounds()
const chosen = measure(ESTIMATOR, REQUESTS)
printTable(`${MODELS.length} backends, ${3 * REQUESTS} requests each, of which those count that come after the first idle closes`, chosen.results.map(modelRow))
console.log(`
40 ms to the backend and back, answers after 1 ms, the loop here up to 3 ms late, where nothing else is said. Traffic: Poisson, bursts
now and then, a quarter POSTs; the mean gap is half the timeout (of two, the shorter), the timeout, and twice the timeout.
Stale: per 10 000 requests; before: while the first closes were learned from, all in all. Reuse: per cent; points below the oracle,
who knows when each connection times out, and below the highest limit that is safe for all, set by hand. Safe, near: idle closes until
the limit is safe, or within 10 % below what is, for good. Relearned: seconds from a restart or change until it is near, and stays.
Sentinel: part of the time that there is one. Surplus: connections open at a time that were neither in use nor ready to be.`)
holdBounds(chosen.results)
if (!quick) printVariations()
bounds.report()

function measure (using: Estimator, requests: number, references?: readonly Reference[][]): { results: Result[], references: readonly Reference[][] } {
  const found: Reference[][] = []
  const results = MODELS.map((model, n) => {
    const runs: Figures[] = []
    const known = scenarios(model, requests).map((scenario, density) => {
      const run = simulate(scenario, using)
      runs.push(run)
      return references?.[n]?.[density] ?? { oracle: reused(simulate(scenario, 'oracle', run.began)), byHand: reused(simulate(scenario, 'by hand', run.began)) }
    })
    found.push(known)
    const counted = sum(runs, run => run.requests)
    const weighed = (of: (run: Figures, reference: Reference) => number): number => 100 * sum(runs, (run, i) => of(run, known[i]!) * run.requests) / counted
    return {
      model,
      runs,
      gets: 10_000 * sum(runs, run => run.staleGets) / counted,
      posts: 10_000 * sum(runs, run => run.stalePosts) / counted,
      reuse: weighed(reused),
      belowOracle: weighed((run, { oracle }) => oracle - reused(run)),
      belowHand: weighed((run, { byHand }) => byHand - reused(run))
    }
  })
  return { results, references: references ?? found }
}

function modelRow ({ model, runs, gets, posts, reuse, belowOracle, belowHand }: Result): Row {
  const steady = model.kind === 'fixed'
  const seconds = (part: number): string => {
    const ms = relearnedMs(runs, part)
    return ms === undefined ? '' : (ms / 1_000).toFixed(1)
  }
  return {
    backend: model.name,
    'stale GETs': gets.toFixed(1),
    POSTs: posts.toFixed(1),
    before: sum(runs, run => run.staleBefore),
    reuse: reuse.toFixed(1),
    '< oracle': belowOracle.toFixed(1),
    '< by hand': belowHand.toFixed(1),
    safe: steady ? Math.max(...runs.map(run => run.convergence.closesUntilSafe)) : '',
    near: steady ? Math.max(...runs.map(run => run.convergence.closesUntilNear)) : '',
    'relearned, median': seconds(0.5),
    '9 of 10': seconds(0.9),
    sentinel: mean(runs, run => run.sentinelShare).toFixed(2),
    surplus: Math.max(...runs.map(run => run.mostSurplus))
  }
}

function printVariations (): void {
  const base = measure(ESTIMATOR, REQUESTS_VARIED)
  const rows: Row[] = [variationRow('as chosen', '', base.results)]
  for (const [name, value] of Object.entries(ESTIMATOR)) {
    for (const other of VARIED[name as keyof Estimator] ?? [value / 2, value * 2]) {
      rows.push(variationRow(name, `${other} for ${value}`, measure({ ...ESTIMATOR, [name]: other }, REQUESTS_VARIED, base.references).results))
    }
  }
  printTable(`each constant varied, ${3 * REQUESTS_VARIED} requests a backend; by kind of backend: stale GETs + POSTs, all in all, and points of reuse below the oracle, in the mean`, rows)
}

function variationRow (constant: string, value: string, results: readonly Result[]): Row {
  const row: Row = { constant, value, before: sum(results, ({ runs }) => sum(runs, run => run.staleBefore)) }
  for (const kind of new Set(MODELS.map(model => model.kind))) {
    const of = results.filter(({ model }) => model.kind === kind)
    const runs = of.flatMap(result => result.runs)
    row[kind] = `${sum(runs, run => run.staleGets)} + ${sum(runs, run => run.stalePosts)}, ${mean(of, result => result.belowOracle).toFixed(2)}`
  }
  return row
}

function holdBounds (results: readonly Result[]): void {
  const each = (kinds: readonly Kind[], bound: string, holds: (result: Result) => boolean, saw: (result: Result) => string): void => {
    const broken = results.filter(result => kinds.includes(result.model.kind) && !holds(result))
    bounds.hold(`${kinds.join(', ')}: ${bound}`, broken.length === 0, broken.map(result => `${result.model.name}: ${saw(result)}`).join('; '))
  }
  const stale = ({ gets, posts }: Result): string => `${gets.toFixed(1)} GETs, ${posts.toFixed(1)} POSTs`
  const points = ({ belowOracle, belowHand }: Result): string => `${belowOracle.toFixed(1)} below the oracle, ${belowHand.toFixed(1)} below by hand`
  each(['fixed'], 'no stale hit', ({ gets, posts }) => gets + posts === 0, stale)
  each(['fixed'], 'reuse within 3 points of the oracle', ({ belowOracle }) => belowOracle < 3, points)
  each(['fixed'], 'near within 10 idle closes, for good, if below keepAliveTimeout', ({ runs, model }) => model.timeout === SETTINGS.keepAliveTimeout || runs.every(run => run.convergence.closesUntilNear <= 10), ({ runs }) => String(Math.max(...runs.map(run => run.convergence.closesUntilNear))))
  each(['far or slow', 'spread', 'two habits'], 'of 10 000 requests at most 2 stale GETs and 0.5 stale POSTs', ({ gets, posts }) => gets <= 2 && posts <= 0.5, stale)
  each(['spread', 'two habits'], 'reuse within 3 points of a limit set by hand', ({ belowHand }) => belowHand < 3, points)
  each(['changes'], 'of 10 000 requests at most 5 stale GETs and 2 stale POSTs', ({ gets, posts }) => gets <= 5 && posts <= 2, stale)
  each(['changes'], 'reuse within 5 points of the oracle', ({ belowOracle }) => belowOracle < 5, points)
  each(['changes'], 'half of the changes are learned within 30 s', ({ runs }) => (relearnedMs(runs, 0.5) ?? 0) <= 30_000, ({ runs }) => `${relearnedMs(runs, 0.5)} ms`)
  each(['killed'], 'reuse within 25 points of the oracle', ({ belowOracle }) => belowOracle < 25, points)
  bounds.hold('never more than one surplus connection', results.every(({ runs }) => runs.every(run => run.mostSurplus <= 1)))
}

/** Undefined if the timeout did not change. */
function relearnedMs (runs: readonly Figures[], part: number): number | undefined {
  const relearned = runs.flatMap(run => run.convergence.relearned).sort((a, b) => a - b)
  return relearned[Math.floor((relearned.length - 1) * part)]
}

function mean<T> (of: readonly T[], number: (one: T) => number): number {
  return sum(of, number) / of.length
}

function reused ({ reused, requests }: Figures): number {
  return reused / requests
}

function sum<T> (of: readonly T[], number: (one: T, n: number) => number): number {
  return of.reduce((total, one, n) => total + number(one, n), 0)
}
