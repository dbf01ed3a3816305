import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { request } from 'undici'
import type { Target } from '../../src/index.js'
import { replicasFor, targetFor } from './rig.js'

/** The status, or the code of the error. */
async function send (target: Target, method: 'GET' | 'POST' = 'GET'): Promise<number | string> {
  try {
    const { statusCode, body } = await request(target.origin, { dispatcher: target, method })
    await body.dump()
    return statusCode
  } catch (error) {
    return (error as { code: string }).code
  }
}

t.test('requests are shared by the endpoints of a list, over connections that are kept', async t => {
  const replicas = await replicasFor(t, 3)
  const { target, events } = targetFor(t, replicas)
  for (let n = 0; n < 300; n++) t.equal(await send(target), 200)
  const counts = replicas.map(({ requests }) => requests.length)
  t.ok(counts.every(count => count > 0), `${counts.join(', ')} requests`)
  t.same(replicas.map(({ connections }) => connections), [1, 1, 1])
  t.same(target.snapshot().endpoints.map(({ requests }) => requests), counts)
  for (const { address } of replicas) t.same(events.of(address), [' -> joining: listed', 'joining -> up: it has answered'])
})

t.test('where one of three is gone, no request is lost, whatever its method; and it is found again', async t => {
  const replicas = await replicasFor(t, 3)
  const { target, events } = targetFor(t, replicas)
  for (let n = 0; n < 30; n++) await send(target)
  await replicas[0]!.kill()
  for (let n = 0; n < 100 || events.dialsFailed.length === 0; n++) t.equal(await send(target, n % 2 === 0 ? 'GET' : 'POST'), 200)
  t.same([...new Set(events.dialsFailed)], ['ECONNREFUSED'])
  t.match(target.snapshot().endpoints[0], { refusing: true })
  const before = replicas[0]!.requests.length
  await replicas[0]!.start()
  while (replicas[0]!.requests.length === before) {
    await send(target)
    await sleep(5)
  }
  t.match(target.snapshot().endpoints[0], { refusing: false, state: 'up' })
})

t.test('where all are gone, requests fail at once after a second, and the first that is back serves', async t => {
  const replicas = await replicasFor(t, 3)
  const { target } = targetFor(t, replicas, { pool: { connectRetry: 200 } })
  for (let n = 0; n < 30; n++) await send(target)
  await Promise.all(replicas.map(replica => replica.kill()))
  while (!target.snapshot().endpoints.every(({ refusing }) => refusing)) t.equal(await send(target), 'HOLDFAST_ERR_CONNECT')
  await sleep(1_000)
  const began = performance.now()
  for (let n = 0; n < 20; n++) t.equal(await send(target), 'HOLDFAST_ERR_CONNECT')
  const took = performance.now() - began
  t.ok(took < 1_000, `20 requests fail in ${took.toFixed(0)} ms`)
  await replicas[1]!.start()
  while (await send(target) !== 200) await sleep(5)
  t.equal(await send(target), 200)
})

t.test('observers are told when the dials of an endpoint begin to be refused, and when one succeeds again', async t => {
  const replicas = await replicasFor(t, 2)
  const { target, events } = targetFor(t, replicas)
  while (!target.endpoints.list().every(({ state }) => state === 'up')) await send(target)
  await replicas[0]!.kill()
  while (!target.endpoints.list()[0]!.refusing) await send(target)
  t.same(events.refusing, [[replicas[0]!.address, true]])
  await replicas[0]!.start()
  while (target.endpoints.list()[0]!.refusing) {
    await send(target)
    await sleep(5)
  }
  t.same(events.refusing, [[replicas[0]!.address, true], [replicas[0]!.address, false]])
})
