import t from 'tap'
import type { Test } from 'tap'
import type { TargetOptions } from '../../src/index.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import { StreamedBody } from '../../src/wire/streamed-body.js'
import { ask } from './ask.js'
import type { Asked, Asking } from './ask.js'
import { Clock } from './clock.js'
import { targetFor } from './rig.js'
import { Dialling, Held, addressOf, backendsFor, kill, serve } from './scripted.js'

const SETTINGS: TargetOptions = { balance: 'round-robin', ejection: false }

/** A target of scripted backends. The first one is the one that fails. */
async function rigOf (t: Test, scripts: readonly BackendScript[], options: TargetOptions = {}) {
  const backends = await backendsFor(t, scripts.length, place => scripts[place]!)
  const addresses = backends.map(addressOf)
  const clock = new Clock()
  const rig = targetFor(t, backends, { ...SETTINGS, ...options }, { clock: clock.read })
  return { backends, addresses, clock, at: addresses[0]!, ...rig }
}

type Rig = Awaited<ReturnType<typeof rigOf>>

/** Sends requests until the first endpoint has got one, and returns that one. Others go to the other endpoints by round robin. */
async function untilFirst ({ target, backends: [first] }: Rig, asked: () => Asked = () => ({})): Promise<Asking> {
  for (;;) {
    const { requests } = first!
    const asking = await ask(target, asked()).over
    if (first!.requests > requests) return asking
  }
}

const lose: BackendScript = (_request, connection) => connection.reset()
/** Serves the first request of each connection. */
const stale: BackendScript = (request, connection) => request.nth > 1 ? connection.reset() : connection.reply()

/** How often the backends have got a request. */
function got (backends: readonly Backend[], path: string): number[] {
  return backends.map(({ log }) => log.filter(request => request.path === path).length)
}

t.test('reused, lost without a byte: a GET goes to a fresh connection of another endpoint', async t => {
  const rig = await rigOf(t, [stale, serve])
  const { events, addresses } = rig
  for (let n = 0; n < 3; n++) await untilFirst(rig)
  const asking = await untilFirst(rig, () => ({ path: '/again' }))
  t.match(asking, { status: 200, at: addresses[1] })
  t.match(asking.provenance, { attempts: 2, retries: ['stale'], reused: false, nth: 1 })
  t.ok(events.retries.every(kind => kind === 'stale'))
})

t.test('the same, where there is no other endpoint: a fresh connection of the same', async t => {
  const rig = await rigOf(t, [stale])
  const { target, at } = rig
  t.match(await ask(target).over, { status: 200 })
  const asking = await ask(target).over
  t.match(asking, { status: 200, at })
  t.match(asking.provenance, { attempts: 2, retries: ['stale'], reused: false })
})

t.test('the same, for a POST: it is not sent again', async t => {
  const rig = await rigOf(t, [(request, connection) => request.path === '/post' ? connection.reset() : connection.reply(), serve])
  const { events, backends } = rig
  await untilFirst(rig)
  const asking = await untilFirst(rig, () => ({ method: 'POST', body: 'x', path: '/post' }))
  t.match(asking, { code: 'HOLDFAST_ERR_CONNECTION_LOST' })
  t.match(asking.provenance, { attempts: 1, retries: [], reused: true })
  t.equal(got(backends, '/post')[0], 1)
  t.same(events.retries, [])
})

t.test('reused, ended before anything was written: a POST goes to another endpoint', async t => {
  const rig = await rigOf(t, [serve, serve])
  const { target, backends, addresses, clock } = rig
  await untilFirst(rig)
  await ask(target).over
  clock.pass(5)
  // The FIN has left, and is read in the next turn of the event loop. The requests are made before.
  const { socket } = backends[0]!.connections[0]!
  const asked = await new Promise<Asking[]>(resolve => {
    socket.once('finish', () => setImmediate(() => resolve([0, 1].map(() => ask(target, { method: 'POST', body: 'x', path: '/post' })))))
    backends[0]!.connections[0]!.end()
  })
  for (const { over } of asked) t.match(await over, { status: 200, at: addresses[1] })
  t.same(asked.map(({ provenance }) => provenance.retries).sort(), [[], ['unwritten']])
  t.same(got(backends, '/post'), [0, 2])
})

t.test('a 408 to a connection that had carried nothing: a GET goes to another endpoint', async t => {
  const held = new Held()
  const dialling = new Dialling()
  const script: BackendScript = (request, connection) => {
    if (request.path === '/held') return held.script(request, connection)
    connection.reply({ status: 408, headers: { Connection: 'close' } })
    connection.end()
  }
  const rig = await rigOf(t, [script, serve], { undiciOptions: dialling.options })
  const { target, events, backends, at, addresses } = rig
  const first = ask(target, { pinned: at, path: '/held' })
  await backends[0]!.waitFor(({ requests }) => requests === 1)
  dialling.way(backends[0]!, 'hold')
  const second = ask(target, { pinned: at, path: '/held' })
  held.answer()
  await first.over
  await backends[0]!.waitFor(({ requests }) => requests === 2)
  dialling.held[0]!.go()
  await events.until(() => target.snapshot().connections.idle === 1)
  const asking = await untilFirst(rig)
  t.match(asking, { status: 200, at: addresses[1] })
  t.match(asking.provenance, { attempts: 2, retries: ['unused_timeout'] })
  held.answer()
  await second.over
  // The dial was for a request that had got the other connection.
  t.equal(rig.target.snapshot().endpoints[0]!.failures, 0)
})

t.test('fresh, lost without a byte: a GET goes to another endpoint once', async t => {
  const rig = await rigOf(t, [lose, serve])
  const { addresses, backends } = rig
  const asking = await untilFirst(rig, () => ({ path: '/once' }))
  t.match(asking, { status: 200, at: addresses[1] })
  t.match(asking.provenance, { attempts: 2, retries: ['fresh'] })
  t.equal(got(backends, '/once')[0], 1)
})

t.test('the same, with a body that is held', async t => {
  const rig = await rigOf(t, [lose, serve])
  const { addresses, backends } = rig
  const asking = await untilFirst(rig, () => ({ method: 'PUT', body: 'abc', path: '/once' }))
  t.match(asking, { status: 200, at: addresses[1] })
  t.ok(backends[1]!.log.every(({ body }) => body.toString() === 'abc'))
})

t.test('the same, with a body of which too much was sent to hold it: it is not sent again', async t => {
  const rig = await rigOf(t, [{
    onRequest: () => {},
    onHead: (_head, connection) => connection.reset()
  }, serve])
  const { events } = rig
  const asked = (): Asked => {
    const body = new StreamedBody([], 4, () => {})
    queueMicrotask(() => {
      body.push(Buffer.from('more than four bytes'))
      body.push(Buffer.from('and more'))
      body.end()
    })
    return { method: 'PUT', body }
  }
  let asking = await ask(rig.target, asked()).over
  if (asking.status === 200) asking = await ask(rig.target, asked()).over
  t.match(asking, { code: 'HOLDFAST_ERR_CONNECTION_LOST' })
  t.same(events.retries, [])
})

t.test('the same, where there is no other endpoint: it is not sent again', async t => {
  const { target, backends } = await rigOf(t, [lose])
  const asking = await ask(target).over
  t.match(asking, { code: 'HOLDFAST_ERR_CONNECTION_LOST' })
  t.match(asking.provenance, { attempts: 1, retries: [] })
  t.equal(backends[0]!.requests, 1)
})

t.test('the same, where the other endpoint refuses dials: it is not sent again', async t => {
  const { target, backends, at, addresses } = await rigOf(t, [lose, serve], { pool: { connectRetry: 0 } })
  await kill(backends[1]!)
  t.match(await ask(target, { pinned: addresses[1]! }).over, { code: 'HOLDFAST_ERR_CONNECT' })
  const asking = await ask(target).over
  t.match(asking, { code: 'HOLDFAST_ERR_CONNECTION_LOST', at })
  t.equal(backends[0]!.requests, 1)
})

t.test('fresh, lost, not idempotent: it is not sent again', async t => {
  const rig = await rigOf(t, [lose, serve])
  const { backends, at } = rig
  const asking = await untilFirst(rig, () => ({ method: 'POST', body: 'x', path: '/post' }))
  t.match(asking, { code: 'HOLDFAST_ERR_CONNECTION_LOST', at })
  t.match(asking.provenance, { attempts: 1, retries: [] })
  t.equal(got(backends, '/post')[0], 1)
})

t.test('fresh, lost after a byte of a response: it is not sent again', async t => {
  const rig = await rigOf(t, [(_request, connection) => {
    connection.write('H')
    connection.end()
  }, serve])
  const asking = await untilFirst(rig)
  t.match(asking, { code: 'HOLDFAST_ERR_CONNECTION_LOST' })
  t.match(asking.provenance, { attempts: 1, retries: [] })
})

t.test('a response that is not HTTP is not asked for again', async t => {
  const rig = await rigOf(t, [(_request, connection) => connection.write('SSH-2.0-OpenSSH\r\n'), serve])
  const asking = await untilFirst(rig)
  t.match(asking, { code: 'HOLDFAST_ERR_INVALID_RESPONSE' })
  t.match(asking.provenance, { attempts: 1, retries: [] })
})

t.test('a header timeout is not followed by another attempt', async t => {
  const { target, clock, at, backends } = await rigOf(t, [() => {}, serve], { undiciOptions: { headersTimeout: 1_000 } })
  let asking = ask(target)
  if ((await Promise.race([asking.over, backends[0]!.waitFor(({ requests }) => requests === 1)])) !== undefined) asking = ask(target)
  await backends[0]!.waitFor(({ requests }) => requests === 1)
  t.match(await clock.passUntil(asking.over), { code: 'HOLDFAST_ERR_HEADERS_TIMEOUT', at })
  t.match(asking.provenance, { attempts: 1, retries: [] })
})

t.test('a status is no reason for another attempt', async t => {
  const rig = await rigOf(t, [(_request, connection) => connection.reply({ status: 503 }), serve])
  const asking = await untilFirst(rig)
  t.match(asking, { status: 503, at: rig.at })
})

t.test('there is never a second retry', async t => {
  for (const script of [lose, stale]) {
    const { target, backends } = await rigOf(t, [lose, lose, lose, script])
    for (let n = 0; n < 12; n++) {
      const asking = await ask(target, { path: `/${n}` }).over
      const sent = got(backends, `/${n}`)
      t.equal(sent.reduce((sum, count) => sum + count), asking.provenance.attempts)
      t.ok(asking.provenance.attempts <= 2)
      t.ok(sent.every(count => count <= 1), 'not twice to one endpoint')
    }
  }
})

t.test('with retry.stale: false, nothing that was written is sent again, and refused dials still go elsewhere', async t => {
  const { target, events, backends, addresses } = await rigOf(t, [stale, serve, serve], { retry: { stale: false } })
  for (let n = 0; n < 9; n++) await ask(target).over
  t.same(events.retries, [])
  await kill(backends[1]!)
  for (let n = 0; n < 6; n++) {
    const asking = await ask(target, { method: 'POST', body: 'x' }).over
    if (asking.at === addresses[1]) t.fail('it refuses')
  }
  t.ok(events.retries.every(kind => kind === 'connect'))
})

t.test('a refused dial goes to another endpoint at once, whatever the method', async t => {
  for (const asked of [{}, { method: 'POST', body: 'x' }, { upgrade: 'echo' }]) {
    const { target, events, backends, addresses, clock } = await rigOf(t, [serve, (request, connection) => {
      if (request.header('upgrade') === undefined) return connection.reply()
      connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
      connection.takeOver()
    }])
    await kill(backends[0]!)
    const before = clock.read()
    while (events.dialsFailed.length === 0) {
      const asking = await ask(target, asked).over
      t.equal(asking.error, undefined)
      t.equal(asking.at, addresses[1])
      if (events.dialsFailed.length > 0) t.match(asking.provenance, { attempts: 1, retries: ['connect'] })
      asking.socket?.destroy()
    }
    t.ok(clock.read() - before < 1, 'no time has passed')
    t.same(events.retries, ['connect'])
  }
})

t.test('a request asks three endpoints at most, and fails where their dials fail', async t => {
  const dialling = new Dialling()
  const { target, events, backends } = await rigOf(t, [serve, serve, serve, serve, serve], { undiciOptions: dialling.options })
  for (const backend of backends) dialling.way(backend, 'EHOSTUNREACH')
  const asking = await ask(target).over
  t.match(asking, { code: 'HOLDFAST_ERR_CONNECT' })
  t.equal(dialling.dialled.length, 3)
  t.equal(new Set(dialling.dialled).size, 3)
  t.same(events.retries, ['connect', 'connect'])
  t.same(asking.provenance.retries, ['connect'])
})

t.test('requests that were written are sent again within a budget: a fifth of the requests, and ten a second', async t => {
  const rig = await rigOf(t, [lose, serve])
  const { target, events, backends, clock } = rig
  const count = 400
  let lost = 0
  for (let n = 0; n < count; n++) {
    const asking = await ask(target, { path: `/${n}` }).over
    if (asking.status !== 200) lost++
    else continue
    t.equal(asking.code, 'HOLDFAST_ERR_CONNECTION_LOST')
    t.same(got(backends, `/${n}`), [1, 0])
  }
  t.equal(backends[0]!.requests, count / 2)
  t.equal(events.retries.length, count / 2 - lost)
  t.ok(events.retries.length <= 0.2 * count + 100, `${events.retries.length} retries`)
  t.ok(lost > 10, `${lost} are lost`)
  clock.pass(10_000)
  t.match(await untilFirst(rig), { status: 200 }, 'later there is room again')
})

t.test('what was never written needs no budget', async t => {
  const { target, backends, events } = await rigOf(t, [serve, serve])
  await kill(backends[0]!)
  for (let n = 0; n < 20; n++) await Promise.all(Array.from({ length: 20 }, () => ask(target, { method: 'POST', body: 'x' }).over))
  t.equal(backends[1]!.requests, 400)
  t.ok(events.retries.every(kind => kind === 'connect'))
})
