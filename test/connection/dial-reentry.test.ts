import { connect } from 'node:net'
import t from 'tap'
import type { ConnectFunction } from '../../src/index.js'
import { startBackend } from '../../testing/backend.js'
import { type Rig, rigFor } from './setup.js'

t.test('a connect function may ask for a connection of the same target itself', async t => {
  const backend = await startBackend((_request, connection) => connection.reply())
  t.teardown(() => backend.close())
  const inner: Array<Promise<unknown>> = []
  let asked = 0
  const dial: ConnectFunction = (_options, callback) => {
    if (asked++ < 3) inner.push(rig.send().over)
    const socket = connect(backend.port, '127.0.0.1', () => callback(null, socket))
  }
  const rig: Rig = rigFor(t, backend.url, { undiciOptions: { connect: dial } })
  for (let i = 0; i < 3; i++) {
    const outer = [rig.send(), rig.send()]
    for (const { over } of outer) t.match(await over, { status: 200 })
  }
  t.equal(inner.length, 3)
  await Promise.all(inner)
  await rig.until(({ counts }) => counts.active === 0 && counts.connecting === 0 && counts.pending === 0)
  await rig.target.close()
  t.equal(rig.closed.length, rig.opened.length)
})
