import { connect as dial } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { ConnectFunction } from '../../src/options/connect-types.js'
import { internalsOf } from '../../src/target/target.js'
import { send } from './acts.js'
import { replicasFor, targetFor } from './rig.js'

t.test('a probing request that fails, and that another endpoint answers, lengthens the ejection', async t => {
  const replicas = await replicasFor(t, 3, place => (request, response) => {
    if (place === 0) request.socket.destroy()
    else response.end('ok')
  })
  const { target } = targetFor(t, replicas, { ejection: { failures: 2, time: 20 } })
  const [broken] = internalsOf(target).endpoints.all
  while (broken!.health.ejection.count < 3) t.equal(await send(target), 200)
  t.equal(broken!.life.state, 'ejected')
})

t.test('dials that are under way at an ejection do not lengthen it', async t => {
  const replicas = await replicasFor(t, 3)
  const hanging: (() => void)[] = []
  const connect: ConnectFunction = ({ hostname, port }, callback) => {
    if (Number(port) === replicas[0]!.port) {
      hanging.push(() => callback(Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' }), null))
      return
    }
    const socket = dial({ host: hostname, port: Number(port) }, () => callback(null, socket))
  }
  const { target } = targetFor(t, replicas, { undiciOptions: { connect } })
  const responses: Promise<number | string>[] = []
  while (hanging.length < 8) responses.push(send(target))
  for (const fail of hanging.splice(0)) fail()
  t.same(new Set(await Promise.all(responses)), new Set([200]))
  const { count, out } = internalsOf(target).endpoints.all[0]!.health.ejection
  t.match({ count, cause: out?.cause }, { count: 1, cause: 'dial' })
})

t.test('an endpoint that refuses for long is ejected once', async t => {
  const replicas = await replicasFor(t, 2)
  const { target, events } = targetFor(t, replicas, { ejection: { failures: 1 } })
  await replicas[0]!.kill()
  while (events.dialsFailed.length < 4) {
    t.equal(await send(target), 200)
    await sleep(5)
  }
  t.equal(internalsOf(target).endpoints.all[0]!.health.ejection.count, 1)
})
