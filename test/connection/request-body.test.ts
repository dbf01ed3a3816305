import { PassThrough } from 'node:stream'
import t from 'tap'
import { startBackend } from '../../testing/backend.js'
import { rigFor } from './setup.js'

// Two idle connections. On one goes an upload whose source fails while the backend waits for the rest.
async function failingUpload (t: { teardown (fn: () => unknown): void }, fail: (body: PassThrough) => void) {
  let arrived = (): void => {}
  const head = new Promise<void>(resolve => { arrived = resolve })
  const held: Array<() => void> = []
  const backend = await startBackend({
    onHead: ({ method }) => { if (method === 'POST') arrived() },
    onRequest: (_request, connection) => {
      held.push(() => connection.reply())
      if (held.length === 2) for (const reply of held) reply()
    }
  })
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await Promise.all([rig.send().over, rig.send().over])
  await rig.until(({ counts }) => counts.idle === 2)
  const body = new PassThrough()
  body.on('error', () => {})
  body.write('half')
  const receiver = rig.send({ method: 'POST', body })
  await head
  fail(body)
  await receiver.over
  return { rig, receiver }
}

t.test('a failing upload source is not blamed on the backend, whatever its error code', async t => {
  const lost = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
  const { rig, receiver } = await failingUpload(t, body => body.destroy(lost))
  t.match(receiver, { error: lost, finals: 1 })
  t.same(rig.reasons, ['client_gone'])
  t.equal(rig.counts.idle, 1, 'no other connection is suspected')
})

t.test('an upload whose source closes early is abandoned without blaming the backend', async t => {
  const { rig, receiver } = await failingUpload(t, body => body.destroy())
  t.match(receiver, { error: { code: 'UND_ERR_ABORTED' }, finals: 1 })
  t.same(rig.reasons, ['client_gone'])
  t.equal(rig.counts.idle, 1)
})

t.test('an upload that the backend resets is blamed on the backend', async t => {
  const backend = await startBackend({
    onHead: (_head, connection) => connection.reset(),
    onRequest: () => {}
  })
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  const body = new PassThrough()
  body.on('error', () => {})
  body.write('half')
  t.match(await rig.send({ method: 'POST', body }).over, { error: { code: 'HOLDFAST_ERR_CONNECTION_LOST' }, finals: 1 })
  t.same(rig.reasons, ['backend_active'])
})

t.test('a response that comes before the upload is over ends its connection', async t => {
  const backend = await startBackend({ onHead: (_head, connection) => connection.reply({ status: 413 }), onRequest: () => {} })
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  const body = new PassThrough()
  body.on('error', () => {})
  body.write('half')
  t.match(await rig.send({ method: 'POST', body }).over, { status: 413, error: undefined, finals: 1 })
  await rig.until(({ closed }) => closed.length === 1)
  t.same(rig.reasons, ['early_response'])
})
