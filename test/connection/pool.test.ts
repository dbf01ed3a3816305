import t, { type Test } from 'tap'
import { buildConnector } from 'undici'
import type { TargetOptions } from '../../src/options/option-types.js'
import { startBackend, type Backend, type RequestScript } from '../../testing/backend.js'
import { certificates } from '../../testing/certificates.js'
import { type Receiver, type Rig, rigFor } from './setup.js'

/** A rig whose clock moves only when the test moves it. */
async function poolFor (t: Test, options: TargetOptions, script: RequestScript = (_request, connection) => connection.reply()): Promise<{ backend: Backend, rig: Rig, pass (ms: number): void }> {
  const backend = await startBackend(script)
  t.teardown(() => backend.close())
  let now = 1_000
  return { backend, rig: rigFor(t, backend.url, options, () => now), pass: ms => { now += ms } }
}

const idle = (rig: Rig, count: number): Promise<void> => rig.until(({ counts }) => counts.idle === count && counts.active === 0)

// Requests that are answered together, so that each gets its own connection.
function together (count: number): RequestScript {
  const held: Array<() => void> = []
  return ({ path }, connection) => {
    if (path !== '/together') return connection.reply()
    held.push(() => connection.reply())
    if (held.length === count) for (const reply of held.splice(0)) reply()
  }
}

async function open (rig: Rig, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => rig.send({ path: '/together' }).over))
  await idle(rig, count)
}

t.test('a connection carries exactly as many requests as it may', async t => {
  const { backend, rig } = await poolFor(t, { pool: { maxRequestsPerConnection: 3 } })
  for (let i = 0; i < 7; i++) {
    await rig.send().over
    await rig.until(({ counts }) => counts.active === 0)
  }
  t.same(rig.closed.map(({ reason, served }) => [reason, served]), [['max_requests', 3], ['max_requests', 3]])
  t.equal(backend.accepted, 3)
})

t.test('a connection carries as many more requests as its backend says', async t => {
  const { rig } = await poolFor(t, {}, (request, connection) => connection.reply({ headers: { 'Keep-Alive': `timeout=5, max=${3 - request.nth}` } }))
  for (let i = 0; i < 3; i++) {
    await rig.send().over
    await rig.until(({ counts }) => counts.active === 0)
  }
  t.match(rig.closed, [{ reason: 'max_requests', served: 3 }])
})

t.test('the most recently used connection is used first, and the longest idle one makes room', async t => {
  const { rig, pass } = await poolFor(t, { undiciOptions: { connections: 2 } }, together(2))
  await open(rig, 2)
  pass(500)
  await rig.send().over
  await idle(rig, 2)
  const recent = rig.acquired.at(-1)!.id
  pass(500)
  await rig.send().over
  await idle(rig, 2)
  t.equal(rig.acquired.at(-1)!.id, recent)
  // Idle for more than 1 s: too long for a request that cannot be sent again, and there is no room for another connection.
  pass(1_500)
  t.match(await rig.send({ method: 'POST', body: 'x' }).over, { status: 200 })
  t.match(rig.closed, [{ reason: 'evicted', idleMs: 2_500 }])
  t.not(rig.closed[0]!.id, recent)
  t.equal(rig.opened.length, 3)
})

t.test('a request that cannot be sent again takes only a briefly idle connection', async t => {
  const { rig, pass } = await poolFor(t, {})
  await rig.send().over
  await idle(rig, 1)
  pass(1_000)
  await rig.send({ method: 'POST', body: 'x' }).over
  await idle(rig, 1)
  t.equal(rig.opened.length, 1)
  pass(1_001)
  await rig.send({ method: 'POST', body: 'x' }).over
  t.equal(rig.opened.length, 2)
})

t.test('a connection is not used once it has been idle for its limit or has reached its age', async t => {
  const { rig, pass } = await poolFor(t, { undiciOptions: { keepAliveTimeout: 5_000 }, pool: { maxConnectionAge: 12_000 } })
  const used = async (): Promise<number> => {
    await rig.send().over
    await idle(rig, 1)
    return rig.acquired.at(-1)!.id
  }
  const first = await used()
  pass(4_999)
  t.equal(await used(), first)
  pass(5_000)
  const second = await used()
  t.match(rig.closed, [{ id: first, reason: 'idle_limit', idleMs: 5_000 }])
  // The age has a jitter of 10 % either way: 10.5 s are below it, 15.4 s above.
  for (let i = 0; i < 3; i++) {
    pass(3_500)
    t.equal(await used(), second)
  }
  pass(4_900)
  t.not(await used(), second)
  t.equal(rig.reasons[1], 'max_age')
})

for (const secure of [false, true]) {
  t.test(`a dial whose request was served elsewhere leaves a spare connection, good for 10 s${secure ? ', over TLS' : ''}`, async t => {
    const { ca, server } = certificates()
    const dial = buildConnector({ ca })
    const dialled: Array<() => void> = []
    for (const [ms, used] of [[9_999, true], [10_000, false]] as const) {
      let answer = (): void => {}
      const backend = await startBackend(({ path }, connection) => {
        if (path === '/held') answer = () => connection.reply()
        else connection.reply()
      }, secure ? { tls: server } : {})
      t.teardown(() => backend.close())
      let now = 1_000
      const connect: typeof dial = (options, callback) => dial(options, (...result) => { dialled.push(() => callback(...result)) })
      const rig = rigFor(t, backend.url, { undiciOptions: { connect } }, () => now)
      const held = rig.send({ path: '/held' })
      await backend.waitFor(b => b.accepted === 1)
      while (dialled.length === 0) await new Promise(setImmediate)
      dialled.shift()!()
      await backend.waitFor(b => b.requests === 1)
      const late = rig.send()
      answer()
      await Promise.all([held.over, late.over])
      t.same(rig.opened.length, 1)
      while (dialled.length === 0) await new Promise(setImmediate)
      dialled.shift()!()
      await idle(rig, 2)
      const spare = rig.opened[1]!
      now += ms
      t.match(await rig.send().over, { status: 200 })
      t.equal(rig.acquired.at(-1)!.id === spare, used)
      t.match(rig.closed, used ? [] : [{ id: spare, reason: 'idle_limit', served: 0 }])
    }
  })
}

t.test('one stale connection closes those that were idle for as long, and the request is sent again', async t => {
  let dying = false
  const answers = together(3)
  const { backend, rig } = await poolFor(t, {}, (request, connection) => {
    if (dying && request.nth > 1) connection.reset()
    else return answers(request, connection)
  })
  await open(rig, 3)
  dying = true
  t.match(await rig.send().over, { status: 200, error: undefined, finals: 1 })
  t.same(rig.retries, ['stale'])
  t.same([...rig.reasons].sort(), ['backend_active', 'stale_suspect', 'stale_suspect'])
  t.equal(backend.requests, 5)
})

t.test('a POST that was lost on a reused connection is not sent again', async t => {
  const { backend, rig } = await poolFor(t, {}, (request, connection) => request.nth > 1 ? connection.reset() : connection.reply())
  await rig.send().over
  await idle(rig, 1)
  t.match(await rig.send({ method: 'POST', body: 'x' }).over, { error: { code: 'HOLDFAST_ERR_CONNECTION_LOST' }, finals: 1 })
  t.equal(backend.requests, 2)
  t.same(rig.retries, [])
})

t.test('a request of any method is sent again if its connection had ended before it was written', async t => {
  const { backend, rig } = await poolFor(t, {})
  await rig.send().over
  await idle(rig, 1)
  // The FIN has left, and is read in the next turn of the event loop. The request is made before.
  const { socket } = backend.connections[0]!
  const receiver = await new Promise<Receiver>(resolve => {
    socket.once('finish', () => setImmediate(() => resolve(rig.send({ method: 'POST', body: 'x' }))))
    backend.connections[0]!.end()
  }).then(({ over }) => over)
  t.match(receiver, { status: 200, finals: 1 })
  t.same(rig.retries, ['unwritten'])
  t.equal(backend.requests, 2)
})
