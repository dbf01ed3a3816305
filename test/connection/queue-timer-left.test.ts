// Regression: the queue's timer ran for up to `pendingTimeout` after the last request had left the queue, and kept the process alive.
import t from 'tap'
import { type BackendConnection, startBackend } from '../../testing/backend.js'
import { rigFor } from './setup.js'

const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length

for (const leaves of [false, true]) {
  t.test(`no timer is left when the last one ${leaves ? 'leaves the queue' : 'has its connection'}`, async t => {
    const waiting: BackendConnection[] = []
    const backend = await startBackend((_request, connection) => { waiting.push(connection) })
    t.teardown(() => backend.close())
    const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 }, pool: { pendingTimeout: 60_000 } })
    const first = rig.send()
    await backend.waitFor(b => b.requests === 1)
    const before = timers()
    const second = rig.send()
    t.equal(rig.counts.pending, 1)
    t.equal(timers(), before + 1)
    if (leaves) second.abort()
    waiting.shift()!.reply()
    await first.over
    if (!leaves) {
      await backend.waitFor(b => b.requests === 2)
      waiting.shift()!.reply()
      await second.over
    }
    t.equal(timers(), before)
  })
}
