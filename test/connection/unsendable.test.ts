import t from 'tap'
import { startBackend } from '../../testing/backend.js'
import { HandlerAdapter } from '../../src/target/handler-adapter.js'
import { internalsOf } from '../../src/target/target.js'
import { Receiver, rigFor } from './setup.js'
import type { Rig } from './setup.js'

const echo = () => startBackend((_request, connection) => connection.reply({ body: 'ok' }))

// As a forwarding does. `dispatch` would refuse the header before it acquires a connection.
function callUnsendable (rig: Rig): Receiver {
  const receiver = new Receiver({})
  const adapter = new HandlerAdapter(receiver)
  adapter.start(internalsOf(rig.target).call({
    method: 'GET', path: '/', headers: ['expect', '100-continue'], body: null, headersTimeout: undefined, bodyTimeout: undefined, upgrade: undefined,
    idempotent: true, replayable: true, askClose: false
  }, adapter))
  return receiver
}

t.test('a request that cannot be written leaves its fresh connection usable', async t => {
  const backend = await echo()
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  t.match(await callUnsendable(rig).over, { error: { code: 'HOLDFAST_ERR_UNSENDABLE' }, finals: 1 })
  await rig.until(({ counts }) => counts.idle === 1)
  t.match(await rig.send().over, { status: 200, body: 'ok' })
  t.equal(backend.accepted, 1)
  t.same(rig.closed, [])
})

t.test('a backend\'s close is noticed on a connection whose only request was never written', async t => {
  const backend = await echo()
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await callUnsendable(rig).over
  await rig.until(({ counts }) => counts.idle === 1)
  backend.connections[0]!.end()
  await rig.until(({ closed }) => closed.length === 1)
  t.match(rig.closed, [{ reason: 'backend_idle', served: 0 }])
})

t.test('a connection whose only request was never written is closed for good', async t => {
  const backend = await echo()
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await callUnsendable(rig).over
  await rig.until(({ counts }) => counts.idle === 1)
  t.equal(rig.target.evict(), 1)
  await backend.waitFor(({ open }) => open === 0)
  t.same(rig.reasons, ['evicted'])
})

t.test('a body of another length than declared is one error, and affects no other request', async t => {
  const backend = await echo()
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await rig.send().over
  t.match(await rig.send({ method: 'POST', headers: { 'content-length': '3' }, body: 'hello' }).over, { error: { code: 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH' }, finals: 1 })
  t.match(await rig.send().over, { status: 200 })
  t.equal(backend.accepted, 1)
})
