import t from 'tap'
import type { BackendConnection, RequestScript } from '../../testing/backend.js'
import { answer } from '../../testing/answer.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'
import { startBackend } from '../../testing/backend.js'
import { rigFor } from './setup.js'

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'

/** Sends a body after a response that must have none, so many ms after its head, as WSGI servers do whose app ignores HEAD. */
function bodyBehind (ms: number): RequestScript {
  return (asked, connection) => {
    if (asked.method !== 'HEAD' && !/^\/(204|304)$/.test(asked.path)) return answer(asked, connection)
    connection.reply({ status: Number(asked.path.slice(1)) || 200, headers: { Connection: 'keep-alive' } })
    if (ms === 0) connection.write(EVIL)
    else setTimeout(() => { if (!connection.socket.destroyed) connection.write(EVIL) }, ms)
  }
}

for (const ms of [0, 1, 5, 10]) {
  t.test(`a body that comes ${ms} ms after an answer that has none reaches no other request`, async t => {
    const backend = await backendFor(t, bodyBehind(ms))
    const { url, target } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
    const wrong: string[] = []
    await Promise.all([0, 1, 2, 3].map(async client => {
      for (let n = 0; n < 12; n++) {
        const [method, path] = ([['HEAD', '/'], ['GET', '/204'], ['GET', '/304']] as const)[n % 3]!
        await request(url + path, { method })
        const id = `${client}-${n}`
        const { status, body } = await request(url, { headers: { 'x-id': id } })
        const got = body.toString()
        if (status !== 200 || !got.includes(`"${id}"`)) wrong.push(`${id}: ${status} ${got}`)
      }
    }))
    t.strictSame(wrong, [])
    t.equal(target.snapshot().totals.closed.backend_idle, undefined, 'and is not taken for an idle close')
    t.ok((target.snapshot().totals.closed.unexpected_data ?? 0) > 0)
  })
}

t.test('bytes that are read before a request is written end the connection, and a request of any method goes to another one', async t => {
  let held: BackendConnection | undefined
  const backend = await startBackend((asked, connection) => {
    held ??= connection
    answer(asked, connection)
  })
  t.teardown(() => backend.close())
  for (const junk of [EVIL, '\r\n', 'HTTP/1.1 2']) {
    held = undefined
    const rig = rigFor(t, backend.url)
    await rig.send().over
    await rig.until(({ counts }) => counts.idle === 1)
    const first = held as unknown as BackendConnection
    // The body has left, and is read in the next turn of the event loop. The request is made before.
    await new Promise<void>(resolve => first.socket.write(junk, () => setImmediate(resolve)))
    const receiver = await rig.send({ method: 'POST', body: 'x', headers: { 'x-id': 'mine' } }).over
    t.match(receiver, { status: 200, body: /"mine"/, finals: 1 }, JSON.stringify(junk))
    t.strictSame(rig.reasons, ['unexpected_data'])
    rig.registry.destroy()
  }
})

t.test('at the bound a request waits for a resting connection, and gets it', async t => {
  const backend = await startBackend((asked, connection) => answer(asked, connection))
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 }, pool: { pendingTimeout: 5_000 } })
  for (const method of ['HEAD', 'HEAD', 'GET']) t.match(await rig.send({ method }).over, { status: 200, error: undefined })
  t.equal(backend.accepted, 1)
  t.strictSame(rig.rejections, [])
})

t.test('below the bound a request does not wait for a resting connection', async t => {
  let now = 1_000
  const backend = await startBackend((asked, connection) => answer(asked, connection))
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url, {}, () => now)
  await rig.send({ method: 'HEAD' }).over
  await rig.until(({ counts }) => counts.idle === 1)
  await rig.send().over
  t.equal(backend.accepted, 2, 'another one is dialled')
  await rig.until(({ counts }) => counts.idle === 2)
  rig.target.evict()
  await rig.send({ method: 'HEAD' }).over
  await rig.until(({ counts }) => counts.idle === 1)
  now += 1_000
  // By the clock the rest is over. The pool looks at the connection after what has arrived meanwhile is read.
  await new Promise(resolve => setTimeout(resolve, 150))
  // On a busy machine both timers run in one turn of the event loop, and the pool looks at the end of that turn.
  await new Promise(resolve => setImmediate(resolve))
  await new Promise(resolve => setImmediate(resolve))
  await rig.send().over
  t.equal(backend.accepted, 3, 'after its rest it is used again')
})
