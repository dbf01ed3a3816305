import t from 'tap'
import { createBalance } from '../../src/endpoint/balance.js'
import { seededRandom } from '../../src/endpoint/seeded-random.js'
import { fleet, rosterOf } from './fleet.js'

t.test('each round has each endpoint by its weight, and the heavy one is spread over it', async t => {
  const weights = [1, 2, 5]
  const roster = rosterOf(fleet(3, n => weights[n]!))
  const balance = createBalance('round-robin', roster, seededRandom(4))
  const picks = Array.from({ length: 800 }, () => balance.pick(0, [], undefined)!.id)
  for (let round = 0; round < 100; round++) {
    const counts = ['e0', 'e1', 'e2'].map(id => picks.slice(8 * round, 8 * round + 8).filter(pick => pick === id).length)
    if (counts.join() !== '1,2,5') t.fail(`round ${round}: ${counts.join()}`)
  }
  t.notMatch(picks.join(''), 'e2e2e2e2e2')
})

t.test('replicas do not all begin with the same endpoint', async t => {
  const first = (seed: number): string => createBalance('round-robin', rosterOf(fleet(10)), seededRandom(seed)).pick(0, [], undefined)!.id
  t.ok(new Set(Array.from({ length: 20 }, (_, seed) => first(seed))).size > 5)
})

t.test('an endpoint that was full gets no row of requests when it is free again', async t => {
  const endpoints = fleet(4)
  const roster = rosterOf(endpoints)
  const balance = createBalance('round-robin', roster, seededRandom(1))
  endpoints[2]!.bound = 0
  for (let n = 0; n < 100; n++) t.not(balance.pick(0, [], undefined), endpoints[2])
  endpoints[2]!.bound = Infinity
  const picks = Array.from({ length: 40 }, () => balance.pick(0, [], undefined)!.id)
  t.notMatch(picks.join(''), 'e2e2')
  t.equal(picks.filter(id => id === 'e2').length, 10)
})

t.test('endpoints that stay keep their turn when the set changes', async t => {
  const endpoints = fleet(5)
  const roster = rosterOf(endpoints.slice(0, 4))
  const balance = createBalance('round-robin', roster, seededRandom(6))
  const first = [balance.pick(0, [], undefined)!.id, balance.pick(0, [], undefined)!.id]
  roster.use(endpoints, 0)
  const next = Array.from({ length: 2 }, () => balance.pick(0, [], undefined)!.id)
  t.notOk(next.some(id => first.includes(id)), `${next.join()} after ${first.join()}`)
})
