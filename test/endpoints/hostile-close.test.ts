import { connect as dial } from 'node:net'
import t from 'tap'
import type { ConnectFunction } from '../../src/options/connect-types.js'
import { send } from './acts.js'
import { replicasFor, targetFor } from './rig.js'

t.test('a target that closes does not wait for a dial that finds out whether an endpoint is back', async t => {
  const replicas = await replicasFor(t, 2)
  let hangs = false
  const seen = { hanging: 0 }
  const connect: ConnectFunction = ({ hostname, port }, callback) => {
    if (hangs && Number(port) === replicas[0]!.port) {
      seen.hanging++
      return
    }
    const socket = dial({ host: hostname, port: Number(port) }, () => callback(null, socket)).once('error', error => callback(error, null))
  }
  const { target } = targetFor(t, replicas, { undiciOptions: { connect } })
  await replicas[0]!.kill()
  while (target.endpoints.list()[0]!.refusing === false) await send(target)
  hangs = true
  while (seen.hanging === 0) await send(target)
  t.equal(target.snapshot().connections.connecting, 1)
  const closing = target.close()
  t.equal(target.snapshot().connections.connecting, 0)
  await closing
})
