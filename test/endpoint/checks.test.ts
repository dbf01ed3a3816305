import t from 'tap'
import { newChecks, nextChecks, statusPasses } from '../../src/endpoint/checks.js'
import type { CheckEvent, Checks, CheckSettings } from '../../src/endpoint/checks.js'

const SETTINGS: CheckSettings = { interval: 10_000, timeout: 1_000, rise: 2, fall: 3 }
const MIDDLE = 0.5 // no jitter either way
const FAILED: CheckEvent = { type: 'check_failed', cause: '503' }
const PASSED: CheckEvent = { type: 'check_passed' }
const NEW = newChecks(0, SETTINGS, 0)

/** Checks that begin when they are due and take 5 ms. */
function after (results: readonly CheckEvent[], from = NEW): Checks {
  return results.reduce((checks, result) => {
    const begun = nextChecks(checks, { type: 'check_begun' }, checks.dueAt, SETTINGS, MIDDLE)
    return nextChecks(begun, result, checks.dueAt + 5, SETTINGS, MIDDLE)
  }, from)
}

t.test('the first check that passes brings a new endpoint up; `fall` failures take it down', async t => {
  t.equal(NEW.verdict, 'unknown')
  t.equal(after([PASSED]).verdict, 'up')
  t.equal(after([FAILED, PASSED]).verdict, 'up')
  t.equal(after([FAILED, FAILED]).verdict, 'unknown')
  t.match(after([FAILED, FAILED, FAILED]), { verdict: 'down', cause: '503', row: 3 })
})

t.test('later it takes `rise` in a row to come up, and `fall` in a row to go down', async t => {
  const up = after([PASSED])
  const down = after([FAILED, FAILED, FAILED])
  t.equal(after([FAILED, FAILED, PASSED, FAILED, FAILED], up).verdict, 'up')
  t.equal(after([FAILED, FAILED, PASSED, FAILED, FAILED, FAILED], up).verdict, 'down')
  t.equal(after([PASSED, FAILED, PASSED], down).verdict, 'down')
  t.equal(after([PASSED, FAILED, PASSED, PASSED], down).verdict, 'up')
})

t.test('checks begin an interval apart, one at a time, and have a deadline', async t => {
  const begun = nextChecks(NEW, { type: 'check_begun' }, 70, SETTINGS, MIDDLE)
  t.match(begun, { dueAt: Infinity, deadline: 1_070 })
  t.match(nextChecks(begun, PASSED, 900, SETTINGS, MIDDLE), { dueAt: 10_070, deadline: Infinity })
  t.equal(nextChecks(begun, PASSED, 900, SETTINGS, 0).dueAt, 9_070)
  t.equal(Math.round(nextChecks(begun, PASSED, 900, SETTINGS, 1).dueAt), 11_070)
  t.equal(nextChecks(begun, PASSED, 20_000, SETTINGS, 0).dueAt, 20_000, 'never in the past')
  const once = after([FAILED])
  t.equal(nextChecks(once, FAILED, 99, SETTINGS, MIDDLE), once, 'a result that comes twice counts once')
})

t.test('first checks are spread over half a second', async t => {
  t.equal(newChecks(100, SETTINGS, 0).dueAt, 100)
  t.equal(newChecks(100, SETTINGS, 1).dueAt, 600)
  t.equal(newChecks(100, { ...SETTINGS, interval: 50 }, 1).dueAt, 150)
})

t.test('a status passes by its class or by itself', async t => {
  t.ok(statusPasses(204, '2xx'))
  t.notOk(statusPasses(302, '2xx'))
  t.ok(statusPasses(302, '302'))
  t.notOk(statusPasses(301, '302'))
})
