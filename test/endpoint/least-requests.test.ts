import t from 'tap'
import { createBalance } from '../../src/endpoint/balance.js'
import { seededRandom } from '../../src/endpoint/seeded-random.js'
import { FakeEndpoint, fleet, rosterOf, shares, simulate } from './fleet.js'

const SEEDS = [1, 2, 3, 4, 5]

t.test('ten equal endpoints get 8 to 12 % of 10 000 requests each', async t => {
  for (const seed of SEEDS) {
    for (const atOnce of [2, 20, 200]) {
      const endpoints = fleet(10)
      const roster = rosterOf(endpoints)
      const random = seededRandom(seed)
      simulate({ roster, balance: createBalance('least-requests', roster, random), random, requests: 10_000, atOnce })
      const { least, most } = shares(endpoints)
      t.ok(least >= 0.08 && most <= 0.12, `seed ${seed}, ${atOnce} at once: ${least.toFixed(3)} to ${most.toFixed(3)}`)
    }
  }
})

t.test('an endpoint that is ten times slower has at most twice the mean in flight', async t => {
  for (const seed of SEEDS) {
    for (const atOnce of [20, 50, 200]) {
      const endpoints = fleet(10)
      endpoints[3]!.slowness = 10
      const roster = rosterOf(endpoints)
      const random = seededRandom(seed)
      simulate({ roster, balance: createBalance('least-requests', roster, random), random, requests: 10_000, atOnce })
      const mean = endpoints.reduce((sum, { load }) => sum + load, 0) / endpoints.length
      const ratio = endpoints[3]!.load / mean
      t.ok(ratio <= 2, `seed ${seed}, ${atOnce} at once: ${ratio.toFixed(2)} times the mean`)
    }
  }
})

t.test('weights of 1, 2 and 5 are kept to 5 %, with one request at a time and with many', async t => {
  for (const seed of SEEDS) {
    for (const atOnce of [1, 20, 200]) {
      const endpoints = [new FakeEndpoint('a', 1), new FakeEndpoint('b', 2), new FakeEndpoint('c', 5)]
      // With one request at a time, those without a connection would stay without one.
      for (const endpoint of endpoints) endpoint.connections = 1
      const roster = rosterOf(endpoints)
      const random = seededRandom(seed)
      simulate({ roster, balance: createBalance('least-requests', roster, random), random, requests: 40_000, atOnce })
      const off = shares(endpoints).of.map((share, n) => Math.abs(share * 8 / endpoints[n]!.weight - 1))
      t.ok(Math.max(...off) <= 0.05, `seed ${seed}, ${atOnce} at once: off by ${off.map(x => x.toFixed(3)).join(', ')}`)
    }
  }
})

t.test('a warm endpoint wins while it has little more than its part in flight', async t => {
  const warm = new FakeEndpoint('warm')
  const cold = new FakeEndpoint('cold')
  const roster = rosterOf([warm, cold])
  const balance = createBalance('least-requests', roster, seededRandom(1))
  // One choice in 32 takes no notice of warmth.
  const picked = (): string => {
    const picks = Array.from({ length: 1_000 }, () => balance.pick(0, [], undefined)!)
    return picks.filter(endpoint => endpoint === warm).length > 940 ? 'warm' : 'not always warm'
  }
  warm.connections = 9
  t.equal(picked(), 'warm', 'nothing in flight')
  warm.outstanding = 1
  roster.use([warm, cold], 0)
  t.equal(picked(), 'warm', 'one request')
  cold.outstanding = cold.connections = 4
  warm.outstanding = 5
  roster.use([warm, cold], 0)
  t.equal(picked(), 'warm', '5 of 9')
  warm.outstanding = 8
  roster.use([warm, cold], 0)
  t.equal(picked(), 'not always warm', '8 of 12')
})

t.test('an endpoint that is added, or that restarts, soon has its part though it is cold', async t => {
  for (const seed of SEEDS) {
    const endpoints = fleet(10)
    const roster = rosterOf(endpoints)
    const random = seededRandom(seed)
    const balance = createBalance('least-requests', roster, random)
    const from = simulate({ roster, balance, random, requests: 5_000, atOnce: 20 })
    const all = [...endpoints, new FakeEndpoint('added')]
    roster.use(all, 0)
    for (const endpoint of all) endpoint.picks = 0
    simulate({ roster, balance, random, requests: 5_000, atOnce: 20, from })
    const share = shares(all).of[10]!
    t.ok(share > 0.07 && share < 0.12, `seed ${seed}: ${share.toFixed(3)}`)
  }
})

t.test('of two endpoints, both are used though requests come one at a time', async t => {
  const endpoints = fleet(2)
  const roster = rosterOf(endpoints)
  const random = seededRandom(1)
  simulate({ roster, balance: createBalance('least-requests', roster, random), random, requests: 10_000, atOnce: 1 })
  const { least } = shares(endpoints)
  t.ok(least > 0.45, least.toFixed(3))
  t.same(endpoints.map(({ dials }) => dials), [1, 1])
})

t.test('connections are reused: few are dialled', async t => {
  for (const atOnce of [1, 5, 20]) {
    const endpoints = fleet(10)
    const roster = rosterOf(endpoints)
    const random = seededRandom(7)
    simulate({ roster, balance: createBalance('least-requests', roster, random), random, requests: 10_000, atOnce })
    const dials = endpoints.reduce((sum, endpoint) => sum + endpoint.dials, 0)
    t.ok(dials <= 10 + 4 * atOnce, `${atOnce} at once: ${dials} dials`)
  }
})

t.test('full endpoints and those that were tried are not chosen', async t => {
  const endpoints = fleet(50)
  const roster = rosterOf(endpoints)
  for (const name of ['least-requests', 'round-robin', 'hash'] as const) {
    const balance = createBalance(name, roster, seededRandom(3))
    const tried = [endpoints[0]!, endpoints[1]!]
    for (const endpoint of endpoints) endpoint.bound = Infinity
    for (let n = 0; n < 1_000; n++) {
      if (tried.includes(balance.pick(0, tried, `key ${n}`)!)) t.fail(`${name} chose one that was tried`)
    }
    for (const endpoint of endpoints.slice(2)) endpoint.bound = 0
    t.equal(balance.pick(0, tried, 'key'), undefined, `${name}: no other is left`)
    endpoints[40]!.bound = 1
    for (let n = 0; n < 20; n++) t.equal(balance.pick(0, tried, 'key'), endpoints[40], `${name} finds the one that is left`)
  }
  t.equal(createBalance('least-requests', rosterOf([]), seededRandom(1)).pick(0, [], undefined), undefined, 'of none, none is chosen')
})

t.test('the same seed gives the same choices, and another seed gives others', async t => {
  const choices = (seed: number): string => {
    const roster = rosterOf(fleet(10))
    const balance = createBalance('least-requests', roster, seededRandom(seed))
    return Array.from({ length: 50 }, () => balance.pick(0, [], undefined)!.id).join()
  }
  t.equal(choices(1), choices(1))
  t.not(choices(1), choices(2))
})

t.test('the time of a million choices among 50 endpoints is printed', async t => {
  for (const name of ['least-requests', 'round-robin', 'hash'] as const) {
    const roster = rosterOf(fleet(50))
    const balance = createBalance(name, roster, seededRandom(1))
    const keys = Array.from({ length: 1_000 }, (_, n) => `client ${n}`)
    const began = performance.now()
    for (let n = 0; n < 1_000_000; n++) balance.pick(n, [], keys[n % 1_000])
    t.comment(`${name}: ${((performance.now() - began)).toFixed(0)} ns a choice`)
  }
})
