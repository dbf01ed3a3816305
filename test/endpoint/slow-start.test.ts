import t from 'tap'
import { createBalance } from '../../src/endpoint/balance.js'
import type { BalanceName } from '../../src/endpoint/balance.js'
import { seededRandom } from '../../src/endpoint/seeded-random.js'
import { slowShare } from '../../src/endpoint/slow-start.js'
import { fleet, rosterOf, shares, simulate } from './fleet.js'

const SLOW_START = 100_000

t.test('the share grows evenly from a tenth, and 0 ms means at once', async t => {
  t.equal(slowShare(0, 1_000), 0.1)
  t.equal(slowShare(50, 1_000), 0.1)
  t.equal(slowShare(500, 1_000), 0.5)
  t.equal(slowShare(1_000, 1_000), 1)
  t.equal(slowShare(0, 0), 1)
  t.equal(slowShare(Infinity, 1_000), 1)
})

/** The share of a tenth endpoint that came up `age` ms ago. The simulation takes a small part of the slow start. */
function shareAt (age: number, name: BalanceName): number {
  const endpoints = fleet(10)
  endpoints[9]!.slowFrom = 0
  const roster = rosterOf(endpoints, SLOW_START)
  const random = seededRandom(11)
  simulate({ roster, random, balance: createBalance(name, roster, random), requests: 10_000, atOnce: 200, from: age })
  return shares(endpoints).of[9]!
}

t.test('a new endpoint begins with little more than a tenth of a share, and ends with a whole one', async t => {
  for (const name of ['least-requests', 'round-robin'] as const) {
    const [first, half, last] = [0, SLOW_START / 2, SLOW_START].map(age => shareAt(age, name))
    t.ok(first! < 0.025, `${name}, at first: ${first!.toFixed(3)}`)
    t.ok(half! > 0.04 && half! < 0.075, `${name}, at half: ${half!.toFixed(3)}`)
    t.ok(last! > 0.08 && last! < 0.12, `${name}, at the end: ${last!.toFixed(3)}`)
  }
})

t.test('endpoints that are all new share as usual', async t => {
  for (const name of ['least-requests', 'round-robin'] as const) {
    const endpoints = fleet(10)
    for (const endpoint of endpoints) endpoint.slowFrom = 0
    const roster = rosterOf(endpoints, SLOW_START)
    const random = seededRandom(12)
    simulate({ roster, random, balance: createBalance(name, roster, random), requests: 10_000, atOnce: 20 })
    const { least, most } = shares(endpoints)
    t.ok(least >= 0.08 && most <= 0.12, `${name}: ${least.toFixed(3)} to ${most.toFixed(3)}`)
  }
})

t.test('a new endpoint is chosen at once where it is the only one that can be', async t => {
  const endpoints = fleet(2)
  endpoints[1]!.slowFrom = 0
  const balance = createBalance('least-requests', rosterOf(endpoints, SLOW_START), seededRandom(1))
  for (let n = 0; n < 100; n++) t.equal(balance.pick(0, [endpoints[0]!], undefined), endpoints[1])
})
