// However a forwarding ends, the process lives, the client gets one answer or a visible cut, and nothing is left over. This runs one cell
// of each cause; `npm run matrix` runs all cells.
import t from 'tap'
import { allCells, CAUSES, impossibleCells, oneOfEachCause } from './cells.js'
import { describe, MOST_CHILDREN, runCells } from './children.js'

t.test('each cause of an end leaves nothing behind, in one cell each', async t => {
  const cells = oneOfEachCause()
  t.equal(cells.length, CAUSES.length)
  const { failed, children } = await runCells(cells, 4)
  for (const found of failed) t.fail(describe(found))
  t.ok(children <= MOST_CHILDREN)
})

t.test('every cell is possible, or impossible for a reason', async t => {
  const cannot = [...impossibleCells().values()].reduce((sum, count) => sum + count, 0)
  const named = CAUSES.reduce((sum, { steps }) => sum + steps.length, 0)
  t.equal(allCells().length + cannot, named * 5 * 5)
})
