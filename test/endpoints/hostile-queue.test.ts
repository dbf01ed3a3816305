import t from 'tap'
import { internalsOf } from '../../src/target/target.js'
import { send } from './acts.js'
import { replicasFor, targetFor } from './rig.js'

t.test('a long queue at the bound of connections does not make each response costly', async t => {
  const replicas = await replicasFor(t, 2)
  const { target } = targetFor(t, replicas, { undiciOptions: { connections: 1 } })
  const { endpoints: { choice } } = internalsOf(target)
  const pick = choice.pick.bind(choice)
  let picks = 0
  choice.pick = (...args) => {
    picks++
    return pick(...args)
  }
  const responses = Array.from({ length: 400 }, () => send(target))
  t.equal(target.snapshot().connections.pending, 398)
  t.same(new Set(await Promise.all(responses)), new Set([200]))
  t.ok(picks < 10 * 400, `${picks} choices for 400 requests`)
})
