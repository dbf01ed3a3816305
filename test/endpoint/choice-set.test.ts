import t from 'tap'
import { choiceSet, fitnessOf, mayEject, takesBound } from '../../src/endpoint/choice-set.js'
import type { Member } from '../../src/endpoint/choice-set.js'
import { newEndpoint, nextLife } from '../../src/endpoint/endpoint-state.js'
import type { EndpointEvent, EndpointLife, Leaver } from '../../src/endpoint/endpoint-state.js'
import { seededRandom } from '../../src/endpoint/seeded-random.js'
import type { Random } from '../../src/endpoint/seeded-random.js'

class FakeMember implements Member {
  life: EndpointLife
  refusing = false
  priority: number

  constructor (priority = 0, awaitsCheck = false) {
    this.life = newEndpoint(0, 'listed', awaitsCheck)
    this.priority = priority
  }

  take (event: EndpointEvent): this {
    this.life = nextLife(this.life, event, 0)
    return this
  }

  eject (): this { return this.take({ type: 'ejected', cause: 'failures' }) }
  leave (by: Leaver = 'discovery'): this { return this.take({ type: 'leave', by, cause: '' }) }
  refuse (): this { return Object.assign(this, { refusing: true }) }
}

const member = (priority = 0): FakeMember => new FakeMember(priority).take({ type: 'serves', cause: 'answered' })

t.test('the fittest endpoints are chosen from', async t => {
  const [up, leaving, ejected, refusing] = [member(), member().leave(), member().eject(), member().refuse()]
  const chosen = (...members: FakeMember[]): unknown => choiceSet(members)
  t.same(chosen(refusing, ejected, leaving, up), { members: [up], fitness: 'serving' })
  t.same(chosen(refusing, ejected, leaving), { members: [leaving], fitness: 'leaving' })
  t.same(chosen(refusing, ejected), { members: [ejected], fitness: 'ejected' })
  t.same(chosen(refusing), { members: [refusing], fitness: 'refusing' })
  t.same(chosen(), { members: [], fitness: 'none' })
  t.same(chosen(member().leave().take({ type: 'finished', cause: '' })), { members: [], fitness: 'none' })
  t.equal(fitnessOf(new FakeMember()), 'serving', 'a new one is given requests')
  t.equal(fitnessOf(new FakeMember(0, true)), 'ejected', 'but not before its check')
})

t.test('the next priority is used when the first has no endpoint that serves', async t => {
  const [first, second, third] = [member(0), member(1), member(2)]
  const priorities = (): number[] => choiceSet([third, second, first]).members.map(({ priority }) => priority)
  t.same(priorities(), [0])
  first.eject()
  t.same(priorities(), [1])
  second.leave()
  t.same(priorities(), [2], 'leaving is not serving')
  third.refuse()
  t.same(priorities(), [1], 'the one that leaves, before the one that is ejected')
})

t.test('at most a share is ejected, but always one of two or more, and never the last that serves', async t => {
  const ejectedOf = (count: number, maxEjected: number): number => {
    const members = Array.from({ length: count }, () => member())
    for (const candidate of members) if (mayEject(members, candidate, maxEjected)) candidate.eject()
    return members.filter(({ life }) => life.state === 'ejected').length
  }
  t.equal(ejectedOf(1, 1), 0)
  t.equal(ejectedOf(2, 0.5), 1)
  t.equal(ejectedOf(3, 0.5), 1)
  t.equal(ejectedOf(10, 0.5), 5)
  t.equal(ejectedOf(10, 0.04), 1)
  t.equal(ejectedOf(10, 1), 9)
  t.equal(ejectedOf(10, 0), 0)
})

t.test('endpoints that leave or refuse are not those that remain', async t => {
  const [a, b, c] = [member(), member().leave(), member().refuse()]
  t.notOk(mayEject([a, b, c], a, 1))
  t.ok(mayEject([a, b, c, member()], a, 1))
})

t.test('a bound request goes to its endpoint, unless that is ejected while others serve, or refuses', async t => {
  t.ok(takesBound(member(), 'serving'))
  t.ok(takesBound(new FakeMember(0, true), 'serving'), 'another replica may have seen its check pass')
  t.ok(takesBound(member().leave(), 'serving'))
  t.notOk(takesBound(member().eject(), 'serving'))
  t.ok(takesBound(member().eject(), 'ejected'))
  t.notOk(takesBound(member().leave().eject(), 'leaving'))
  t.notOk(takesBound(member().refuse(), 'serving'))
  t.notOk(takesBound(member().leave().take({ type: 'finished', cause: '' }), 'ejected'))
})

/** One random event of a history. Ejections ask first, as the integration does. */
function happen (members: FakeMember[], random: Random, maxEjected: number): void {
  const one = members[Math.floor(random() * members.length)]
  const by = (['discovery', 'operator', 'evidence'] as const)[Math.floor(random() * 3)]!
  const what = Math.floor(random() * 9)
  if (what === 0 || one === undefined) members.push(new FakeMember(Math.floor(random() * 3), random() < 0.3))
  else if (what === 1) one.take({ type: 'serves', cause: '' })
  else if (what <= 3) { if (mayEject(members, one, maxEjected)) one.eject() } else if (what === 4) one.take({ type: 'returned', cause: '' })
  else if (what === 5) one.leave(by)
  else if (what === 6) one.take({ type: 'stay', by, cause: '' })
  else if (what === 7) one.refusing = !one.refusing
  else if (one.take({ type: 'finished', cause: '' }).life.state === 'gone') members.splice(members.indexOf(one), 1)
}

t.test('over random histories, the set is not empty while there is an endpoint, and has none worse than another', async t => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed)
    const maxEjected = random()
    const members: FakeMember[] = []
    for (let n = 0; n < 500; n++) {
      const before = members.filter(one => fitnessOf(one) === 'serving').length
      const ejected = members.filter(({ life }) => life.ejected !== undefined).length
      happen(members, random, maxEjected)
      const { members: chosen, fitness } = choiceSet(members)
      const serving = members.filter(one => fitnessOf(one) === 'serving')
      if (members.length > 0 && chosen.length === 0) t.fail(`seed ${seed}, step ${n}: nothing to choose from`)
      if (serving.length > 0 && fitness !== 'serving') t.fail(`seed ${seed}, step ${n}: ${fitness} though one serves`)
      if (members.filter(({ life }) => life.ejected !== undefined).length > ejected && before > 0 && serving.length === 0) {
        t.fail(`seed ${seed}, step ${n}: the last one that served was ejected`)
      }
    }
  }
  t.pass('20 000 steps')
})
