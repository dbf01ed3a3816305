import t from 'tap'
import { internalsOf } from '../../src/target/target.js'
import { send, within } from './acts.js'
import { replicasFor, targetFor } from './rig.js'

t.test('a list that an observer gives while another list is taken holds', async t => {
  const replicas = await replicasFor(t, 4)
  const [one, , three, four] = replicas.map(({ url }) => url)
  for (const event of ['endpointChanged', 'endpointDrained'] as const) {
    const { target } = targetFor(t, replicas.slice(0, 2))
    within(target, event, () => target.endpoints.set([one!, three!]))
    target.endpoints.set([three!, four!])
    t.same(target.endpoints.list().map(({ address }) => `http://${address}`).sort(), [one, three].sort(), event)
    for (let n = 0; n < 20; n++) t.equal(await send(target), 200)
    t.match([replicas[1]!.requests.length, replicas[3]!.requests.length], [0, 0])
  }
})

t.test('an endpoint that an observer lists again while its last connection is closed stays', async t => {
  const replicas = await replicasFor(t, 2)
  const both = replicas.map(({ url }) => url)
  const { target, events } = targetFor(t, replicas, { affinity: { cookie: 'bond', secret: '0123456789abcdef' } })
  while (replicas.some(({ requests }) => requests.length === 0)) await send(target)
  within(target, 'closed', () => target.endpoints.set(both))
  target.endpoints.set([both[0]!])
  t.same(target.endpoints.list().map(({ address, state }) => [address, state]), replicas.map(({ address }) => [address, 'up']))
  t.same(events.of(replicas[1]!.address).slice(2), ['up -> leaving: no longer listed', 'leaving -> up: listed again'])
  const before = replicas[1]!.requests.length
  while (replicas[1]!.requests.length === before) t.equal(await send(target), 200)
})

t.test('a target that an observer closes while a list is taken checks nobody', async t => {
  const replicas = await replicasFor(t, 3)
  const { target } = targetFor(t, replicas.slice(0, 1), { healthCheck: { path: '/health', interval: 10 } })
  within(target, 'endpointChanged', () => { target.close().catch(t.error) })
  target.endpoints.set(replicas.map(({ url }) => url))
  t.equal(internalsOf(target).endpoints.all.length, 2, 'the list was not taken further')
})
