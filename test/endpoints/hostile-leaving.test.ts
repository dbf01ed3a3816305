import t from 'tap'
import { internalsOf } from '../../src/target/target.js'
import { send } from './acts.js'
import { replicasFor, targetFor } from './rig.js'

t.test('no request finds out whether an endpoint stays that an operator drains, or that is listed no longer', async t => {
  const replicas = await replicasFor(t, 3)
  const { target, events } = targetFor(t, replicas)
  while (replicas.some(({ requests }) => requests.length === 0)) await send(target)
  const { endpoints } = internalsOf(target)
  const [one, two] = endpoints.all
  // Neither is removed, since something of it is in use.
  for (const endpoint of [one!, two!]) endpoint.outstanding++
  // Each serves on after a refused dial, as in a graceful stop.
  for (const endpoint of [one!, two!]) {
    endpoint.depart({ type: 'refused' })
    endpoint.depart({ type: 'kept', opened: 0, began: endpoints.clock() + 1 })
    t.same(endpoint.life.leavers, ['evidence'])
  }
  target.endpoints.drain(one!.id)
  target.endpoints.set([replicas[0]!.url, replicas[2]!.url])
  t.same([one!.life.leavers, two!.life.leavers], [['evidence', 'operator'], ['evidence', 'discovery']])
  t.equal(endpoints.dueAt, Infinity)
  const { trialAt } = two!.departure.leaving!
  t.equal(endpoints.due(trialAt, true), undefined)
  target.endpoints.undrain(one!.id)
  t.match(events.of(one!.address).at(-1), /^leaving -> up/)
  for (const endpoint of [one!, two!]) endpoint.outstanding--
})
