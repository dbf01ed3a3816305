import t from 'tap'
import { type BackendConnection, startBackend } from '../../testing/backend.js'
import { certificates } from '../../testing/certificates.js'
import { rigFor } from '../connection/setup.js'

t.test('new limits hold at once, and what is in flight goes on', async t => {
  const held: BackendConnection[] = []
  const backend = await startBackend((_request, connection) => { held.push(connection) })
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 } })
  const all = [rig.send(), rig.send(), rig.send()]
  await backend.waitFor(({ requests }) => requests === 1)
  t.equal(rig.counts.pending, 2)
  rig.target.update({ undiciOptions: { connections: 3, keepAliveTimeout: 5_000 } })
  await backend.waitFor(({ requests }) => requests === 3)
  t.match(rig.target.snapshot(), { limits: { undiciOptions: { connections: 3, keepAliveTimeout: 5_000, keepAliveMaxTimeout: 5_000 } }, idleLimit: { configured: 5_000, effective: 5_000 } })

  rig.target.update({ undiciOptions: { connections: 2 } })
  t.equal(rig.counts.active, 3)
  for (const connection of held) connection.reply()
  for (const { over } of all) t.match(await over, { status: 200 })
  await rig.until(({ counts }) => counts.active === 0)
  t.equal(rig.counts.idle, 2)
  rig.target.update({ undiciOptions: { connections: 1 } })
  t.equal(rig.counts.idle, 1)
  t.same(rig.reasons, ['evicted', 'updated'])
})

t.test('a new waiting time holds for requests that wait already, whether it is shorter or longer', async t => {
  const held: BackendConnection[] = []
  const backend = await startBackend((_request, connection) => { held.push(connection) })
  t.teardown(() => backend.close())
  let now = 0
  const rig = rigFor(t, backend.url, { undiciOptions: { connections: 1 }, pool: { pendingTimeout: 1 } }, () => now)
  const first = rig.send()
  await backend.waitFor(({ requests }) => requests === 1)
  const second = rig.send()
  now = 500
  rig.target.update({ pool: { pendingTimeout: 100_000 } })
  // With the first timeout the second request would be refused before this one.
  const other = rigFor(t, backend.url, { undiciOptions: { connections: 1 }, pool: { pendingTimeout: 20 } })
  const [taken, refused] = [other.send(), other.send()]
  t.match(await refused.over, { error: { code: 'HOLDFAST_ERR_QUEUE_TIMEOUT' } })
  t.equal(second.finals, 0)

  now = 600
  const third = rig.send()
  rig.target.update({ pool: { pendingTimeout: 600 } })
  t.match(await second.over, { error: { code: 'HOLDFAST_ERR_QUEUE_TIMEOUT' }, finals: 1 })
  t.equal(third.finals, 0)
  for (const connection of held) connection.reply()
  for (const { over } of [first, taken]) t.match(await over, { status: 200 })
  await backend.waitFor(({ requests }) => requests === 3)
  held.at(-1)!.reply()
  t.match(await third.over, { status: 200 })
})

t.test('an idle connection that has carried as many requests as the new limit carries no more', async t => {
  const backend = await startBackend((_request, connection) => connection.reply())
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await rig.send().over
  await rig.until(({ counts }) => counts.idle === 1)
  rig.target.update({ pool: { maxRequestsPerConnection: 1 } })
  t.match(await rig.send().over, { status: 200 })
  await rig.until(({ closed }) => closed.length === 2)
  t.match(rig.closed, [{ id: rig.opened[0], reason: 'max_requests', served: 1 }, { id: rig.opened[1], reason: 'max_requests', served: 1 }])
})

t.test('new limits of age and requests hold for open connections', async t => {
  const backend = await startBackend((_request, connection) => connection.reply())
  t.teardown(() => backend.close())
  let now = 0
  const rig = rigFor(t, backend.url, {}, () => now)
  const get = async (): Promise<void> => {
    await rig.send().over
    await rig.until(({ counts }) => counts.active === 0)
  }
  await get()
  rig.target.update({ pool: { maxRequestsPerConnection: 2 } })
  await get()
  t.same(rig.reasons, ['max_requests'])
  rig.target.update({ pool: { maxRequestsPerConnection: 0, maxConnectionAge: 1_000 } })
  await get()
  now = 1_101
  await get()
  t.same(rig.reasons, ['max_requests', 'max_age'])
})

t.test('other TLS settings end the old connections as soon as they are idle, and dials under way are begun anew', async t => {
  const { ca, server } = certificates()
  let hold: BackendConnection | undefined
  const backend = await startBackend(({ path }, connection) => {
    if (path === '/held') hold = connection
    else connection.reply()
  }, { tls: server })
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url, { undiciOptions: { connect: { ca, servername: 'localhost' } } })
  const held = rig.send({ path: '/held' })
  await backend.waitFor(({ requests }) => requests === 1)
  await rig.send().over
  await rig.until(({ counts }) => counts.idle === 1)

  rig.target.update({ undiciOptions: { connect: { rejectUnauthorized: true, servername: 'localhost' } } })
  t.same(rig.reasons, ['updated'], 'the idle one')
  t.match(await rig.send().over, { error: { code: 'HOLDFAST_ERR_TLS' } }, 'the authority is not trusted any more')

  const dialled = rig.send()
  await rig.until(({ counts }) => counts.connecting === 1)
  rig.target.update({ undiciOptions: { connect: { ca, servername: 'localhost' } } })
  t.match(await dialled.over, { status: 200 }, 'by the settings that hold now')
  hold!.reply()
  t.match(await held.over, { status: 200 })
  await rig.until(({ reasons }) => reasons.length === 2)
  t.same(rig.reasons, ['updated', 'updated'], 'and the active one after its exchange')
  t.equal(rig.counts.idle, 1)
})

t.test('keep-alive can be switched off and on', async t => {
  const backend = await startBackend((_request, connection) => connection.reply())
  t.teardown(() => backend.close())
  const rig = rigFor(t, backend.url)
  await rig.send().over
  await rig.until(({ counts }) => counts.idle === 1)
  rig.target.update({ undiciOptions: { keepAliveTimeout: 0 } })
  t.equal(rig.target.persistence, 'non-persistent')
  t.same(rig.reasons, ['non_persistent'])
  rig.target.update({ undiciOptions: { keepAliveTimeout: 10_000 } })
  t.equal(rig.target.persistence, 'persistent')
  await rig.send().over
  await rig.until(({ counts }) => counts.idle === 1)
})

t.test('a patch that is refused changes nothing', async t => {
  const rig = rigFor(t, 'http://127.0.0.1:1')
  const before = rig.target.snapshot().limits
  for (const [patch, names] of [
    [{ undiciOptions: { connections: 5, keepAliveTimeout: -1 } }, 'undiciOptions.keepAliveTimeout'],
    [{ undiciOptions: { maxSockets: 5 } }, 'undiciOptions.connections'],
    [{ pool: { maxDials: 0 } }, 'pool.maxDials'],
    [{ undiciOptions: { connections: 5, connect: { maxCachedSessions: -1 } } }, 'undiciOptions.connect'],
    [{ inspector: false }, 'inspector'],
    ['connections', 'update']
  ] as const) {
    t.throws(() => rig.target.update(patch as object), { code: 'HOLDFAST_ERR_OPTION', message: new RegExp(names.replace('.', '\\.')) }, names)
  }
  t.equal(rig.target.snapshot().limits, before)
})

t.test('connections() lists all connections', async t => {
  const held: BackendConnection[] = []
  const backend = await startBackend(({ path }, connection) => {
    if (path === '/held') held.push(connection)
    else connection.reply()
  })
  t.teardown(() => backend.close())
  let now = 1_000
  const rig = rigFor(t, backend.url, {}, () => now)
  await rig.send().over
  await rig.until(({ counts }) => counts.idle === 1)
  const active = rig.send({ path: '/held' })
  await backend.waitFor(({ requests }) => requests === 2)
  const other = rig.send()
  await other.over
  await rig.until(({ counts }) => counts.idle === 1)
  now += 250
  t.match(rig.target.connections(), [
    { id: rig.opened[0]!, state: 'active', age: 250, served: 1, idleMs: 0, trial: false },
    { id: rig.opened[1]!, state: 'idle', age: 250, served: 1, idleMs: 250, trial: false }
  ])
  held[0]!.reply()
  await active.over
})
