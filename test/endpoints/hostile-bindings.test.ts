import { EventEmitter } from 'node:events'
import t from 'tap'
import type { Target } from '../../src/index.js'
import type { CallHandler, CallRequest } from '../../src/target/call.js'
import { internalsOf } from '../../src/target/target.js'
import { replicasFor, targetFor } from './rig.js'

class Client extends EventEmitter {
  readonly destroyed = false
}

/** The status of a GET that a client's connection has sent. */
function get (target: Target, clientConnection: Client, more: Partial<CallRequest> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    let status = 0
    const handler: CallHandler = {
      informed () {},
      responded (code) { status = code },
      data: () => true,
      ended: () => resolve(status),
      upgraded () {},
      failed: reject,
      bodyWritten () {},
      requestWritten () {}
    }
    const request: CallRequest = {
      method: 'GET', path: '/', headers: [], body: null, upgrade: undefined, headersTimeout: undefined, bodyTimeout: undefined, idempotent: true,
      replayable: true, askClose: false, clientConnection, ...more
    }
    internalsOf(target).call(request, handler).start()
  })
}

const asksForNtlm = (): Parameters<typeof replicasFor>[2] => () => (_request, response) => {
  response.writeHead(401, { 'www-authenticate': 'NTLM' }).end()
}

t.test('a client\'s requests go over the connection that it has authenticated, whatever becomes of the other endpoints', async t => {
  const replicas = await replicasFor(t, 3, asksForNtlm())
  const { target } = targetFor(t, replicas)
  const client = new Client()
  await get(target, client)
  const first = replicas.findIndex(({ requests }) => requests.length === 1)
  for (const [place, { address }] of replicas.entries()) if (place !== first) target.setPersistence('non-persistent', 'a test', address)
  // The next request that may find out whether it serves would go to this one.
  target.endpoints.eject(replicas[(first + 1) % 3]!.address, { ms: 1 })
  for (let n = 0; n < 30; n++) await get(target, client)
  t.same(replicas.map(({ requests }) => requests.length), [0, 1, 2].map(place => place === first ? 31 : 0))
})

t.test('a request that is sent to an endpoint by name goes to no other one, though its client has authenticated a connection there', async t => {
  const replicas = await replicasFor(t, 2, asksForNtlm())
  const { target } = targetFor(t, replicas)
  const client = new Client()
  for (const { address } of replicas) await get(target, client, { pinned: address })
  for (const { address } of replicas) await get(target, client, { pinned: address })
  t.same(replicas.map(({ requests, connections }) => [requests.length, connections]), [[2, 1], [2, 1]])
})
