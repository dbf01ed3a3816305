import t from 'tap'
import { answer } from '../../testing/answer.js'
import { startBackend } from '../../testing/backend.js'
import { type Receiver, rigFor } from './setup.js'

t.test('a FIN that has come is read before a request that cannot be sent again is written', async t => {
  const backend = await startBackend((asked, connection) => answer(asked, connection))
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  for (let n = 0; n < 10; n++) {
    await rig.send().over
    await rig.until(({ counts }) => counts.idle === 1)
    const connection = backend.connections.at(-1)!
    // The FIN has left, and is read after the turn of the event loop in which the request is made.
    const receiver = await new Promise<Receiver>(resolve => {
      connection.socket.once('finish', () => resolve(rig.send({ method: 'POST', body: 'x' })))
      connection.end()
    }).then(({ over }) => over)
    t.match(receiver, { status: 200, error: undefined, finals: 1 })
    await rig.until(({ counts }) => counts.active === 0)
    rig.target.evict()
  }
})

t.test('a close right after the nth response is learned, and loses no request that cannot be sent again', async t => {
  const backend = await startBackend((asked, connection) => {
    answer(asked, connection)
    if (asked.nth !== 3) return
    // The backend does not announce the close, and never reads what comes before it.
    connection.takeOver()
    setTimeout(() => connection.end(), 30)
  })
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  const served = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      await rig.send().over
      await rig.until(({ counts }) => counts.active === 0)
    }
  }
  await served(3)
  await rig.until(({ closed }) => closed.length === 1)
  t.match(rig.closed, [{ reason: 'backend_idle', served: 3 }])
  for (let n = 0; n < 3; n++) {
    await served(3)
    t.match(await rig.send({ method: 'POST', body: 'x' }).over, { status: 200, error: undefined })
    await rig.until(({ counts }) => counts.active === 0)
    rig.target.evict()
  }
  t.strictSame(rig.rejections, [])
  const { opened } = rig
  const before = opened.length
  await served(1)
  t.match(await rig.send({ method: 'POST', body: 'x' }).over, { status: 200 })
  t.equal(opened.length, before + 1, 'behind its first response it takes the same connection')
})

t.test('a request that is given up while its connection is watched is never written', async t => {
  const backend = await startBackend((asked, connection) => answer(asked, connection))
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await rig.send().over
  await rig.until(({ counts }) => counts.idle === 1)
  const receiver = rig.send({ method: 'POST', body: 'x' })
  receiver.abort()
  await rig.until(({ counts }) => counts.active + counts.idle === 0)
  t.equal(receiver.finals, 1)
  t.match(await rig.send().over, { status: 200 })
  t.equal(backend.requests, 2)
})
