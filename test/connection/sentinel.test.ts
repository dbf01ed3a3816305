import t, { type Test } from 'tap'
import { buildConnector } from 'undici'
import type { TargetOptions } from '../../src/options/option-types.js'
import { type Backend, type BackendConnection, type RequestScript, startBackend } from '../../testing/backend.js'
import { type Rig, rigFor } from './setup.js'

interface Setup { backend: Backend, rig: Rig, pass (ms: number): void }

/** A target whose clock moves only when the test moves it, and a backend that answers and never closes by itself. */
async function setUp (t: Test, options: TargetOptions = {}, script: RequestScript = (_request, connection) => connection.reply()): Promise<Setup> {
  const backend = await startBackend(script)
  t.teardown(() => backend.close())
  let now = 100_000
  return { backend, rig: rigFor(t, backend.url, options, () => now), pass: ms => { now += ms } }
}

const idle = (rig: Rig, count: number): Promise<void> => rig.until(({ counts }) => counts.idle === count && counts.active === 0)

async function get (rig: Rig, method = 'GET'): Promise<number> {
  const { error, status } = await rig.send({ method, ...(method === 'POST' && { body: 'x' }) }).over
  if (error !== undefined) throw error
  await rig.until(({ counts }) => counts.active === 0)
  return status
}

const last = (backend: Backend): BackendConnection => backend.connections.at(-1)!

/** Makes the backend close its latest connection after an idle time. */
async function hangUpAfter ({ backend, rig, pass }: Setup, ms: number, how: 'end' | 'reset' = 'end'): Promise<void> {
  await get(rig)
  const closed = rig.closed.length
  pass(ms)
  last(backend)[how]()
  await rig.until(({ closed: { length } }) => length > closed)
}

t.test('a backend that closes after two seconds, by FIN or RST, gets no request on an older connection', async t => {
  for (const how of ['end', 'reset'] as const) {
    const setup = await setUp(t)
    const { rig, pass } = setup
    t.strictSame(rig.target.snapshot().idleLimit, { configured: 60_000, hinted: undefined, learned: undefined, effective: 60_000 })
    await hangUpAfter(setup, 2_000, how)
    await hangUpAfter(setup, 2_000, how)
    t.match(rig.closed, [{ reason: 'backend_idle', idleMs: 2_000 }, { reason: 'backend_idle', idleMs: 2_000 }])
    const { learned, effective } = rig.target.snapshot().idleLimit
    t.ok(learned !== undefined && learned > 1_700 && learned < 2_000, `${learned}`)
    t.equal(effective, learned)
    await get(rig)
    const { length } = rig.opened
    pass(learned! - 1)
    await get(rig)
    t.equal(rig.opened.length, length, 'reused within the limit')
    pass(learned!)
    await get(rig)
    t.equal(rig.opened.length, length + 1, 'and not at it')
  }
})

t.test('a hint is an upper bound and no promise', async t => {
  const setup = await setUp(t, {}, (_request, connection) => connection.reply({ headers: { 'Keep-Alive': 'timeout=30' } }))
  await hangUpAfter(setup, 2_000)
  t.match(setup.rig.target.snapshot().idleLimit, { hinted: 29_000 })
  t.ok(setup.rig.target.snapshot().idleLimit.effective < 2_000)
})

t.test('the configured timeout stays the ceiling', async t => {
  const setup = await setUp(t, { undiciOptions: { keepAliveTimeout: 1_000 } })
  await hangUpAfter(setup, 900)
  await get(setup.rig)
  setup.pass(1_000)
  await get(setup.rig)
  t.ok(setup.rig.target.snapshot().idleLimit.effective < 900)
})

t.test('one connection past a learned limit stays as the sentinel: it is not counted, and carries no request', async t => {
  const setup = await setUp(t, { undiciOptions: { connections: 1 } })
  const { backend, rig, pass } = setup
  await hangUpAfter(setup, 2_000)
  await get(rig)
  t.equal(rig.target.snapshot().sentinel, undefined)
  pass(1_999)
  await get(rig)
  t.strictSame(rig.target.snapshot().sentinel, { idleMs: 1_999 })
  t.strictSame(rig.counts, { active: 0, idle: 1, connecting: 0, pending: 0, upgraded: 0 })
  t.equal(backend.open, 2, 'the bound of one holds for those that carry requests')
  pass(1_900)
  await get(rig)
  t.equal(backend.open, 2, 'and there is never more than one besides')
  t.match(rig.closed.at(-1), { reason: 'idle_limit', idleMs: 1_900 })
  const sentinel = backend.connections[1]!
  t.equal(sentinel.requests, 1)
  sentinel.end()
  await rig.until(({ reasons }) => reasons.at(-1) === 'backend_idle')
  t.match(rig.closed.at(-1), { idleMs: 3_899 }, 'it tells when its backend has hung up')
  t.equal(rig.target.snapshot().sentinel, undefined)
})

t.test('a connection that never carried a request does not become the sentinel', async t => {
  const dial = buildConnector({})
  const dialled: Array<() => void> = []
  const connect: typeof dial = (options, callback) => dial(options, (...result) => { dialled.push(() => callback(...result)) })
  const next = async (): Promise<void> => {
    while (dialled.length === 0) await new Promise(setImmediate)
    dialled.shift()!()
  }
  const answers: Array<() => void> = []
  const { backend, rig, pass } = await setUp(t, { undiciOptions: { connect } }, (_request, connection) => { answers.push(() => connection.reply()) })
  const answerTo = async (requests: number): Promise<void> => {
    await backend.waitFor(b => b.requests === requests)
    answers.shift()!()
  }

  const first = rig.send()
  await next()
  await answerTo(1)
  await first.over
  await idle(rig, 1)
  pass(2_000)
  last(backend).end()
  await rig.until(({ closed }) => closed.length === 1)
  t.ok(rig.target.snapshot().idleLimit.learned)

  // A connection comes back while a dial for another request is under way; the dialled connection is then unused.
  const held = rig.send()
  await next()
  await backend.waitFor(b => b.requests === 2)
  const late = rig.send()
  answers.shift()!()
  await answerTo(3)
  await Promise.all([held.over, late.over])
  await next()
  await idle(rig, 2)
  pass(1_999)
  const other = rig.send()
  await next()
  await answerTo(4)
  await other.over
  await idle(rig, 1)
  t.match(rig.closed.slice(1), [{ reason: 'idle_limit', served: 0 }], 'the one that had never been used')
  t.ok(rig.target.snapshot().sentinel, 'and not the one that had')
})

t.test('without a learned limit there is no sentinel', async t => {
  const { rig, pass } = await setUp(t)
  await get(rig)
  pass(60_000)
  await get(rig)
  t.equal(rig.target.snapshot().sentinel, undefined)
  t.match(rig.closed, [{ reason: 'idle_limit' }])
})

for (const [what, reason, act] of [
  ['evicted with the others', 'evicted', (rig: Rig) => rig.target.evict()],
  ['closed with its target', 'drained', (rig: Rig) => { rig.target.close(() => {}) }],
  ['closed where its backend keeps no connections', 'non_persistent', (rig: Rig) => rig.target.setPersistence('non-persistent', 'test')]
] as const) {
  t.test(`the sentinel is ${what}`, async t => {
    const setup = await setUp(t)
    const { backend, rig, pass } = setup
    await hangUpAfter(setup, 2_000)
    await get(rig)
    pass(1_999)
    await get(rig)
    t.ok(rig.target.snapshot().sentinel)
    act(rig)
    t.equal(rig.target.snapshot().sentinel, undefined)
    t.strictSame(rig.reasons.slice(1), [reason, reason])
    await backend.waitFor(({ open }) => open === 0)
  })
}

t.test('a sentinel that receives bytes is closed, and is no evidence', async t => {
  const setup = await setUp(t)
  const { backend, rig, pass } = setup
  await hangUpAfter(setup, 2_000)
  await get(rig)
  pass(1_999)
  await get(rig)
  const { learned } = rig.target.snapshot().idleLimit
  backend.connections[1]!.write('HTTP/1.1 200 OK\r\n\r\n')
  await rig.until(({ reasons }) => reasons.includes('unexpected_data'))
  t.equal(rig.target.snapshot().idleLimit.learned, learned)
})

t.test('a request that cannot be sent again takes connections well inside the limit, and other requests take older ones', async t => {
  const setup = await setUp(t)
  const { rig, pass } = setup
  for (let n = 0; n < 4; n++) await hangUpAfter(setup, 4_000)
  const { learned } = rig.target.snapshot().idleLimit
  await get(rig)
  const { length } = rig.opened
  pass(3_000)
  await get(rig, 'POST')
  t.equal(rig.opened.length, length, 'far above the second that holds where nothing is known')
  pass(learned! - 10)
  await get(rig, 'POST')
  t.equal(rig.opened.length, length + 1, 'but not up to the limit')
  pass(learned! - 10)
  await get(rig)
  t.equal(rig.opened.length, length + 1)
})

t.test('a reuse that came too late teaches as much as a close', async t => {
  // The backend closes on the request, as if its FIN had been under way when the request was sent.
  const setup = await setUp(t, {}, (request, connection) => {
    if (request.nth > 1 && request.path === '/late') connection.reset()
    else connection.reply()
  })
  const { rig, pass } = setup
  await get(rig)
  pass(2_000)
  t.match(await rig.send({ path: '/late' }).over, { status: 200 }, 'sent again on a fresh connection')
  await idle(rig, 1)
  t.strictSame(rig.retries, ['stale'])
  const { learned } = rig.target.snapshot().idleLimit
  t.ok(learned !== undefined && learned < 2_000, `${learned}`)
})

t.test('a loss after long work, and a route that never answers, teach nothing of idle times', async t => {
  const held: BackendConnection[] = []
  const setup = await setUp(t, {}, ({ path }, connection) => {
    if (path === '/slow') held.push(connection)
    else if (path === '/crash') connection.end()
    else connection.reply()
  })
  const { rig, pass } = setup
  const learned = (): number | undefined => rig.target.snapshot().idleLimit.learned
  await get(rig)
  pass(500)
  const slow = rig.send({ method: 'POST', path: '/slow', body: 'x' })
  while (held.length === 0) await new Promise(setImmediate)
  pass(30_000)
  held[0]!.end()
  t.match(await slow.over, { error: { code: 'HOLDFAST_ERR_CONNECTION_LOST' } })
  t.equal(learned(), undefined)

  await get(rig)
  pass(500)
  t.match(await rig.send({ path: '/crash' }).over, { error: { code: 'HOLDFAST_ERR_CONNECTION_LOST' } })
  t.strictSame(rig.retries, ['stale'])
  t.equal(learned(), undefined, 'it was lost on a fresh connection too')

  await get(rig)
  pass(500)
  t.match(await rig.send({ method: 'POST', path: '/crash', body: 'x' }).over, { error: { code: 'HOLDFAST_ERR_CONNECTION_LOST' } })
  await get(rig)
  t.equal(learned(), undefined)
  const { length } = rig.opened
  pass(300)
  await get(rig, 'POST')
  t.equal(rig.opened.length, length + 1, 'though requests that could be lost the same way are more careful')
  pass(300)
  await get(rig)
  t.equal(rig.opened.length, length + 1)
})

t.test('a connection that was idle when the limit fell does not become the sentinel', async t => {
  const held: BackendConnection[] = []
  let together = 3
  const setup = await setUp(t, {}, (_request, connection) => {
    held.push(connection)
    if (held.length >= together) for (const one of held.splice(0)) one.reply()
  })
  const { backend, rig, pass } = setup
  await Promise.all([rig.send().over, rig.send().over, rig.send().over])
  await idle(rig, 3)
  together = 1
  pass(500)
  backend.connections[0]!.end()
  await rig.until(({ closed }) => closed.length === 1)
  t.ok(rig.target.snapshot().idleLimit.learned! < 500)
  await rig.until(({ closed }) => closed.length === 3)
  t.equal(rig.target.snapshot().sentinel, undefined)
  await get(rig)
  pass(499)
  await get(rig)
  t.ok(rig.target.snapshot().sentinel, 'the next one is')
})

t.test('a target with one connection and only POSTs relearns a longer limit', async t => {
  const { backend, rig, pass } = await setUp(t, { undiciOptions: { connections: 1 } })
  await get(rig, 'POST')
  pass(1_000)
  last(backend).end()
  await rig.until(({ closed }) => closed.length === 1)
  t.ok(rig.target.snapshot().idleLimit.learned! < 1_000)
  await get(rig, 'POST')
  pass(700)
  await get(rig, 'POST')
  t.strictSame(rig.target.snapshot().sentinel, { idleMs: 700 }, 'what made room for another stays to watch')
})

t.test('the sentinel is closed for a waiting request, since a backend may serve one connection at a time', async t => {
  // A backend that serves one connection at a time.
  const waiting: Array<() => void> = []
  let busy: BackendConnection | undefined
  const setup = await setUp(t, { undiciOptions: { connections: 1 } }, (_request, connection) => {
    const serve = (): void => {
      busy = connection
      connection.socket.once('close', () => {
        busy = undefined
        waiting.shift()?.()
      })
      connection.reply()
    }
    if (busy === undefined) serve()
    else if (busy === connection) connection.reply()
    else waiting.push(serve)
  })
  const { rig, pass } = setup
  await hangUpAfter(setup, 2_000)
  await get(rig)
  pass(1_999)
  const { over } = rig.send()
  await rig.until(({ counts }) => counts.active === 1)
  t.ok(rig.target.snapshot().sentinel)
  pass(2_001)
  t.match(await over, { status: 200 })
  t.equal(rig.target.snapshot().sentinel, undefined)
  t.match(rig.closed.at(-1), { reason: 'evicted' })
})

t.test('a restart that closes all connections at once teaches nothing', async t => {
  const held: BackendConnection[] = []
  const setup = await setUp(t, {}, (_request, connection) => {
    held.push(connection)
    if (held.length === 6) for (const one of held.splice(0)) one.reply()
  })
  const { backend, rig, pass } = setup
  await Promise.all(Array.from({ length: 6 }, () => rig.send().over))
  await idle(rig, 6)
  pass(5_000)
  for (const connection of backend.connections) connection.end()
  await rig.until(({ closed }) => closed.length === 6)
  t.same(rig.reasons, Array(6).fill('backend_idle'))
  t.strictSame(rig.target.snapshot().idleLimit, { configured: 60_000, hinted: undefined, learned: undefined, effective: 60_000 })
})
