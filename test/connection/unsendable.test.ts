import t from 'tap'
import { startBackend } from '../support/backend.js'
import { rigFor } from './setup.js'

const echo = () => startBackend((_request, connection) => connection.reply({ body: 'ok' }))

t.test('a request that cannot be written leaves a fresh connection as good as before', async t => {
  const backend = await echo()
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  t.match(await rig.send({ headers: { expect: '100-continue' } }).over, { error: { code: 'HOLDFAST_ERR_UNSENDABLE' }, finals: 1 })
  await rig.until(({ counts }) => counts.idle === 1)
  t.match(await rig.send().over, { status: 200, body: 'ok' })
  t.equal(backend.accepted, 1)
  t.same(rig.closed, [])
})

t.test('the backend\'s close of a connection whose only request was never written is seen', async t => {
  const backend = await echo()
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await rig.send({ headers: { expect: '100-continue' } }).over
  await rig.until(({ counts }) => counts.idle === 1)
  backend.connections[0]!.end()
  await rig.until(({ closed }) => closed.length === 1)
  t.match(rig.closed, [{ reason: 'backend_idle', served: 0 }])
})

t.test('a connection whose only request was never written is closed for good', async t => {
  const backend = await echo()
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await rig.send({ headers: { expect: '100-continue' } }).over
  await rig.until(({ counts }) => counts.idle === 1)
  t.equal(rig.target.evict(), 1)
  await backend.waitFor(({ open }) => open === 0)
  t.same(rig.reasons, ['evicted'])
})

t.test('a body that is not as long as it says ends in one error, and costs no other request anything', async t => {
  const backend = await echo()
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await rig.send().over
  t.match(await rig.send({ method: 'POST', headers: { 'content-length': '3' }, body: 'hello' }).over, { error: { code: 'HOLDFAST_ERR_UNSENDABLE' }, finals: 1 })
  t.match(await rig.send().over, { status: 200 })
  t.equal(backend.accepted, 1)
})
