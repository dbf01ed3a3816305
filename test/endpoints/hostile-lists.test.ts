import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Found } from '../../src/discovery/source.js'
import type { EndpointSnapshot } from '../../src/endpoint/endpoint-snapshot.js'
import { internalsOf } from '../../src/target/target.js'
import { send, within } from './acts.js'
import { HOST, replicasFor, targetFor } from './rig.js'

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

t.test('a target that an observer closes while a list is taken checks no endpoint', async t => {
  const replicas = await replicasFor(t, 3)
  const { target } = targetFor(t, replicas.slice(0, 1), { healthCheck: { path: '/health', interval: 10 } })
  within(target, 'endpointChanged', () => { target.close().catch(t.error) })
  target.endpoints.set(replicas.map(({ url }) => url))
  t.equal(internalsOf(target).endpoints.all.length, 2, 'the list was not taken further')
})

t.test('an endpoint that discovery finds at another address is dialled there', async t => {
  const replicas = await replicasFor(t, 2)
  const [found, moved] = replicas.map(({ port }): Found => ({ id: 'pod-1:http', host: HOST, port, weight: 1, priority: 0, leaving: false }))
  const { target, events } = targetFor(t, { kind: 'list', found: [found!] })
  const { endpoints } = internalsOf(target)
  t.equal(await send(target), 200)
  const [{ id }] = target.endpoints.list() as [EndpointSnapshot]
  endpoints.set([moved!])
  t.equal(await send(target), 200)
  t.same(replicas.map(({ requests }) => requests.length), [1, 1])
  t.match(target.endpoints.list(), [{ id, address: replicas[1]!.address, state: 'up' }])
  t.equal(endpoints.named(id), endpoints.named(replicas[1]!.address), 'it is found by its id and by its new address')
  t.throws(() => endpoints.named(replicas[0]!.address), { code: 'HOLDFAST_ERR_UNKNOWN_ENDPOINT' })
  t.match(events.of(replicas[0]!.address).at(-1), /^leaving -> gone/)
})

t.test('an endpoint that gets another address besides its own is dialled there too', async t => {
  const replicas = await replicasFor(t, 1)
  const found: Found = { id: 'pod-1:http', host: '127.0.0.2', port: replicas[0]!.port, weight: 1, priority: 0, leaving: false }
  const { target } = targetFor(t, { kind: 'list', found: [found] }, { pool: { connectRetry: 0 } })
  t.equal(await send(target), 'HOLDFAST_ERR_CONNECT')
  internalsOf(target).endpoints.set([{ ...found, otherHosts: [HOST] }])
  while (await send(target) !== 200) await sleep(10)
})

t.test('a list that replaces many endpoints makes the choice once', async t => {
  const listOf = (net: number): Found[] => Array.from({ length: 200 }, (_, n) => {
    const host = `127.${net}.0.${n}`
    return { id: `${host}:80`, host, port: 80, weight: 1, priority: 0, leaving: false }
  })
  const { target } = targetFor(t, { kind: 'list', found: listOf(1) })
  const { endpoints } = internalsOf(target)
  const { version } = endpoints.choice.roster
  endpoints.set(listOf(2))
  t.equal(endpoints.all.length, 200)
  t.match(endpoints.choice.roster, { members: { length: 200 }, version: version + 1 })
})
