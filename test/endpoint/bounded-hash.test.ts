import t from 'tap'
import { createBalance } from '../../src/endpoint/balance.js'
import { hashOf } from '../../src/endpoint/bounded-hash.js'
import { seededRandom } from '../../src/endpoint/seeded-random.js'
import type { FakeEndpoint } from './fleet.js'
import { fleet, rosterOf, shares, simulate } from './fleet.js'

const KEYS = Array.from({ length: 20_000 }, (_, n) => `10.${n >> 8}.${n & 255}.7`)

/** The endpoint of each key while nothing is in flight. */
function homes (endpoints: readonly FakeEndpoint[]): string[] {
  const balance = createBalance('hash', rosterOf(endpoints), seededRandom(1))
  return KEYS.map(key => balance.pick(0, [], key)!.id)
}

function moved (before: readonly string[], after: readonly string[]): number {
  return before.filter((home, n) => home !== after[n]).length / before.length
}

t.test('an eleventh endpoint takes 9 +- 2 % of the keys, and no key moves between the others', async t => {
  const ten = homes(fleet(10))
  const eleven = homes(fleet(11))
  const share = moved(ten, eleven)
  t.ok(share > 0.07 && share < 0.11, `${(100 * share).toFixed(1)} % moved`)
  t.same(eleven.filter((home, n) => home !== ten[n] && home !== 'e10'), [])
})

t.test('an endpoint that is removed gives only its own keys away', async t => {
  const all = fleet(10)
  const before = homes(all)
  const after = homes(all.filter(({ id }) => id !== 'e4'))
  t.same(before.filter((home, n) => home !== after[n] && home !== 'e4'), [])
  t.notOk(after.includes('e4'))
  const taken = new Set(after.filter((_, n) => before[n] === 'e4'))
  t.equal(taken.size, 9, 'each of the others takes some of them')
})

t.test('replicas agree, in whatever order they know the endpoints', async t => {
  t.same(homes(fleet(10)), homes(fleet(10).reverse()))
})

t.test('keys are spread by weight', async t => {
  const weights = [1, 2, 5]
  const counts = [0, 0, 0]
  for (const home of homes(fleet(3, n => weights[n]!))) counts[Number(home.slice(1))]!++
  for (const [n, weight] of weights.entries()) {
    const off = counts[n]! / KEYS.length * 8 / weight - 1
    t.ok(Math.abs(off) < 0.05, `weight ${weight}: off by ${(100 * off).toFixed(1)} %`)
  }
})

t.test('no endpoint gets a request beyond 125 % of its part, though one key has half of the requests', async t => {
  for (const atOnce of [8, 40, 200]) {
    const endpoints = fleet(10)
    const roster = rosterOf(endpoints)
    const random = seededRandom(5)
    let most = 0
    simulate({
      roster, random, atOnce, requests: 10_000, balance: createBalance('hash', roster, random),
      key: n => n % 2 === 0 ? 'the busiest client' : KEYS[n]!,
      onPick: (endpoint, n) => {
        const inFlight = Math.min(n, atOnce - 1)
        most = Math.max(most, (endpoint.outstanding + 1) / Math.ceil(1.25 * (inFlight + 1) / 10))
      }
    })
    t.ok(most <= 1, `${atOnce} at once: ${most.toFixed(2)} of the bound`)
  }
})

t.test('a key keeps its endpoint while there is room on it', async t => {
  const endpoints = fleet(10)
  const roster = rosterOf(endpoints)
  const random = seededRandom(5)
  const home = homes(endpoints)
  let away = 0
  simulate({
    roster, random, atOnce: 100, requests: 10_000, balance: createBalance('hash', roster, random), key: n => KEYS[n]!,
    onPick: (endpoint, n) => { if (endpoint.id !== home[n]) away++ }
  })
  t.ok(away < 2_500, `${away} of 10 000 went elsewhere`)
})

t.test('a request without a key goes by least requests', async t => {
  const endpoints = fleet(10)
  const roster = rosterOf(endpoints)
  const random = seededRandom(2)
  simulate({ roster, random, atOnce: 20, requests: 10_000, balance: createBalance('hash', roster, random) })
  const { least, most } = shares(endpoints)
  t.ok(least >= 0.08 && most <= 0.12, `${least.toFixed(3)} to ${most.toFixed(3)}`)
})

t.test('texts that differ in one character have unlike hashes', async t => {
  const counts = new Array<number>(32).fill(0)
  for (const key of KEYS) {
    const differing = hashOf(key) ^ hashOf(`${key.slice(0, -1)}8`)
    for (let bit = 0; bit < 32; bit++) counts[bit]! += (differing >>> bit) & 1
  }
  t.ok(counts.every(count => Math.abs(count / KEYS.length - 0.5) < 0.02), 'each bit changes half of the times')
  t.not(hashOf('a'), hashOf('\u0161'), 'the upper byte of a character counts')
})
