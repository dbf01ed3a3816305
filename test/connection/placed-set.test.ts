import t from 'tap'
import { PlacedSet } from '../../src/connection/placed-set.js'

t.test('members can be added and removed in any order', t => {
  const [a, b, c, stranger] = [{ place: 0 }, { place: 0 }, { place: 0 }, { place: 0 }] as const
  const set = new PlacedSet<{ place: number }>()
  for (const member of [a, b, c]) set.add(member)
  t.equal(set.delete(stranger), false)
  t.equal(set.delete(a), true)
  t.equal(set.delete(a), false)
  t.same([...set].map(member => [a, b, c].indexOf(member as typeof a)), [2, 1], 'the last one has taken the place')
  t.same([a, b, c].map(member => set.has(member)), [false, true, true])
  t.equal(set.delete(c), true)
  t.equal(set.size, 1)
  set.clear()
  t.same([set.size, set.has(b)], [0, false])
  t.end()
})
