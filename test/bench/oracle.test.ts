import t from 'tap'
import { reusable } from '../../bench/idle-limits/oracle.js'

const at = (...sent: number[]): Array<{ sent: number, answered: number }> => sent.map((time) => ({ sent: time, answered: time + 20 }))

function reused (sent: number[], idleTimeout: number): number[] {
  return [...reusable(at(...sent), idleTimeout, 20)].map(({ sent }) => sent)
}

t.test('a request is reusable if it arrives before the close', async (t) => {
  // The first request is answered at 20; a request that is sent at 999 arrives at 1019.
  t.same(reused([0, 999], 1000), [999])
  t.same(reused([0, 1000], 1000), [])
})

t.test('overlapping requests need a connection each, and both connections come back', async (t) => {
  t.same(reused([0, 10, 100, 110], 1000), [100, 110])
  t.same(reused([0, 39], 1000), [])
  t.same(reused([0, 40], 1000), [40])
})

t.test('a connection whose request was never answered does not come back', async (t) => {
  t.same([...reusable([{ sent: 0, answered: Infinity }, { sent: 500, answered: 520 }], 1000, 20)], [])
})

t.test('the most recently used connection goes first, so that the other ages out', async (t) => {
  // Two connections come back at 40 and 50. One is used at 600, and is the only one left at 1100.
  t.same(reused([0, 10, 600, 1100, 1105], 1000), [600, 1100])
})
