import t from 'tap'
import { RetryBudget } from '../../src/endpoint/retry-budget.js'

function spend (budget: RetryBudget, now: number): number {
  let count = 0
  while (budget.affords(now) && count < 1e6) {
    budget.retried(now)
    count++
  }
  return count
}

t.test('without requests, ten retries a second are possible', async t => {
  const budget = new RetryBudget()
  t.equal(spend(budget, 0), 100)
  t.equal(spend(budget, 9_999), 0, 'the window is 10 s')
  t.equal(spend(budget, 10_000), 100)
})

t.test('a fifth of the requests of the last 10 s are added', async t => {
  const budget = new RetryBudget()
  for (let n = 0; n < 1_000; n++) budget.requested(1_000)
  t.equal(spend(budget, 2_000), 300)
  t.equal(spend(budget, 11_000), 0, 'the requests are forgotten, the retries of 2 000 not yet')
  t.equal(spend(budget, 12_000), 100)
})

t.test('a long pause empties the window', async t => {
  const budget = new RetryBudget()
  for (let n = 0; n < 1_000; n++) budget.requested(n)
  t.equal(spend(budget, 1e9), 100)
})

t.test('a backend that loses every request gets a fifth more of them, and 10 a second', async t => {
  const budget = new RetryBudget()
  let retries = 0
  for (let now = 0; now < 60_000; now += 2) {
    budget.requested(now)
    if (!budget.affords(now)) continue
    budget.retried(now)
    retries++
  }
  t.ok(retries <= 30_000 * 0.2 + 10 * 60 + 100 && retries > 6_000, `${retries} retries of 30 000 requests`)
})
