import t from 'tap'
import type { Measurements } from '../../src/probe/measurements.js'
import { lessMargin, recommend } from '../../src/probe/recommendation.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import { closedAfter, found, hinted, reuse } from './found.js'

function keepAliveTimeout (measuredMs: number, hintMs?: number): number | undefined {
  return recommend(found({ firsts: [reuse(undefined, hinted(hintMs))], idle: closedAfter(measuredMs, measuredMs + 500) })).undiciOptions.keepAliveTimeout
}

t.test('the margin is 1 s or a tenth, and at most half', async t => {
  const expected = { 100: 50, 300: 150, 1_000: 500, 1_800: 900, 2_003: 1_000, 2_500: 1_500, 4_996: 4_000, 5_000: 4_000, 10_000: 9_000, 30_000: 27_000, 60_000: 54_000 }
  for (const [measured, safe] of Object.entries(expected)) t.equal(lessMargin(Number(measured)), safe, measured)
})

t.test('keepAliveTimeout is recommended where the defaults and the hint would keep connections for too long', async t => {
  t.equal(keepAliveTimeout(5_000), 4_000)
  t.equal(keepAliveTimeout(2_000, 30_000), 1_000)
  t.equal(keepAliveTimeout(4_996, 5_000), undefined, 'Apache: its hint leads there')
  t.equal(keepAliveTimeout(6_000, 5_000), undefined, 'Node keeps them longer than it says')
  t.equal(keepAliveTimeout(75_000), undefined, 'nginx: below the default')
  t.equal(keepAliveTimeout(60_000), 54_000)
})

t.test('nothing is recommended where no connection was closed, and where none is kept', async t => {
  t.same(recommend(found()), { undiciOptions: {}, pool: {} })
  t.same(recommend(found({ idle: undefined })), { undiciOptions: {}, pool: {} })
  t.same(recommend(found({ firsts: [reuse('fin'), reuse('fin'), reuse('fin')], idle: undefined, requests: undefined })), { undiciOptions: {}, pool: {} })
})

t.test('a limit of requests is set where nothing announces it', async t => {
  const pool = (limit: number, announced: boolean, max?: number): unknown => recommend(found({
    firsts: [reuse(undefined, hinted(undefined, max))], requests: { tried: limit, limit, announced, doubt: undefined }
  })).pool
  t.same(pool(100, false), { maxRequestsPerConnection: 100 })
  t.same(pool(100, true), {})
  t.same(pool(101, false, 100), {}, 'max says so')
  t.same(pool(50, false, 100), { maxRequestsPerConnection: 50 })
})

t.test('what is recommended is accepted as options', async t => {
  const measured: Measurements = found({ idle: closedAfter(5_000), requests: { tried: 10, limit: 10, announced: false, doubt: undefined } })
  const { undiciOptions, pool } = resolveTargetOptions({}, recommend(measured))
  t.equal(undiciOptions.keepAliveTimeout, 4_000)
  t.equal(pool.maxRequestsPerConnection, 10)
})
