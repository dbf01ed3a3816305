import { once } from 'node:events'
import { connect as dial, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { ConnectFunction } from '../../src/options/connect-types.js'
import { internalsOf } from '../../src/target/target.js'
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

t.test('a connection that no request has used yet does not keep the process alive', async t => {
  const server = createServer(socket => { socket.unref() }).listen(0, '127.0.0.1').unref()
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const found = { id: `127.0.0.1:${port}`, host: '127.0.0.1', port, weight: 1, priority: 0, leaving: false }
  const { target } = targetFor(t, { kind: 'list', found: [found] })
  const { pools, endpoints } = internalsOf(target)
  pools.probe(endpoints.all[0]!.pool)
  while (pools.idleCount === 0) await new Promise(setImmediate)
  t.notOk(process.getActiveResourcesInfo().includes('TCPSocketWrap'))
})
