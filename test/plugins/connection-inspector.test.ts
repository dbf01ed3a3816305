import t, { type Test } from 'tap'
import type { TargetOptions } from '../../src/index.js'
import type { BackendOptions, BackendScript } from '../../testing/backend.js'
import type { Backend } from '../../testing/backend.js'
import { answer } from '../../testing/answer.js'
import { persistent, phpServer, pythonHttp10, silentCloser } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

async function between (t: Test, script: BackendScript, settings: TargetOptions = {}, options: BackendOptions = {}): Promise<RunningGateway & { backend: Backend }> {
  const backend = await backendFor(t, script, { log: true, ...options })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, ...settings }] })
  return Object.assign(running, { backend })
}

async function ask (url: string, times: number, method = 'GET'): Promise<void> {
  for (let n = 0; n < times; n++) await request(url, { method })
}

t.test('a backend that closes after every response is recognised after three connections', async t => {
  const { url, target, gateway, backend } = await between(t, phpServer())
  const changes: string[] = []
  gateway.observe({ persistenceChanged: (_name, from, to, cause) => { changes.push(`${from} -> ${to}: ${cause}`) } })
  await ask(url, 2)
  t.equal(target.persistence, 'persistent')
  await ask(url, 1)
  t.equal(target.persistence, 'non-persistent')
  t.strictSame(changes, ['persistent -> non-persistent: Connection: close, on 3 connections in a row'])
  await ask(url, 3)
  const said = backend.log.map(({ header }) => header('connection'))
  t.strictSame(said.map(value => value === 'close'), [false, false, false, true, true, true], 'from then on requests say so themselves')
  t.equal(backend.accepted, 6, 'each on a connection of its own')
  t.equal(changes.length, 1, 'what it answers to close is no news')
})

t.test('a connection that serves a second request breaks the row', async t => {
  // Two connections that close, one that serves two requests, two that close; then three that close in a row.
  const served = [1, 1, 2, 1, 1, 2, 1, 1, 1]
  const { url, target, backend } = await between(t, (request, connection) => {
    const last = request.nth >= (served[connection.id - 1] ?? Infinity)
    answer(request, connection, { headers: { Connection: last ? 'close' : 'keep-alive' } })
    if (last) connection.end()
  })
  await ask(url, 8 + 2)
  t.equal(backend.accepted, 8)
  t.equal(target.persistence, 'persistent')
  await ask(url, 1)
  t.equal(target.persistence, 'non-persistent')
})

t.test('a connection that is still open well after its first response breaks the row', async t => {
  const { url, target, gateway, backend } = await between(t, (request, connection) => {
    const closes = connection.id !== 3
    answer(request, connection, { headers: { Connection: closes ? 'close' : 'keep-alive' } })
    if (closes) connection.end()
  })
  await ask(url, 3)
  // No event says that a connection has been idle for long enough.
  await new Promise(resolve => setTimeout(resolve, 200))
  const closed = new Promise<void>(resolve => gateway.observe({ closed: () => resolve() }))
  target.evict()
  await closed
  await ask(url, 2)
  t.equal(backend.accepted, 5)
  t.equal(target.persistence, 'persistent')
  await ask(url, 1)
  t.equal(target.persistence, 'non-persistent')
})

t.test('HTTP/1.0 is persistent with keep-alive only', async t => {
  for (const contentLength of [true, false]) {
    const without = await between(t, pythonHttp10({ contentLength }))
    await ask(without.url, 3)
    t.equal(without.target.persistence, 'non-persistent', contentLength ? 'with a length' : 'delimited by its end')
  }
  const kept = await between(t, (request, connection) => answer(request, connection, { httpVersion: '1.0', headers: { Connection: 'keep-alive' } }))
  await ask(kept.url, 5)
  t.equal(kept.target.persistence, 'persistent')
  t.equal(kept.backend.accepted, 1)
})

t.test('a backend that closes unannounced is recognised too', async t => {
  for (const [title, script] of [['at once', silentCloser()], ['a little later', silentCloser({ afterMs: 10 })], ['by RST', persistent()]] as const) {
    const { url, target, backend } = await between(t, script)
    for (let n = 1; n <= 3; n++) {
      t.equal(target.persistence, 'persistent', `${title}, ${n - 1} closes`)
      await ask(url, 1)
      // An RST would discard a response that was not read yet.
      if (title === 'by RST') backend.connections.at(-1)?.reset()
      await until(() => Object.values(target.snapshot().totals.closed).reduce((sum, count) => sum + count, 0) === n)
    }
    t.equal(target.persistence, 'non-persistent', title)
    t.equal(backend.accepted, 3)
  }
})

t.test('a close after an error is no evidence against the backend', async t => {
  for (const status of [400, 404, 413, 500, 503]) {
    const { url, target } = await between(t, (_request, connection) => {
      connection.reply({ status, headers: { Connection: 'close' } })
      connection.end()
    })
    await ask(url, 6)
    t.equal(target.persistence, 'persistent', String(status))
  }
})

t.test('an upload that is refused in its middle is no evidence either', async t => {
  const { port, target, backend } = await between(t, {
    onHead: (_head, connection) => {
      connection.reply({ status: 200, headers: { Connection: 'close' } })
      connection.end()
    },
    onRequest: () => {}
  }, { retry: { replayLimit: 0 } })
  for (let n = 1; n <= 4; n++) {
    const client = await clientFor(t, { port })
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhello')
    t.equal((await client.response()).status, 200)
    client.destroy()
    await until(() => target.snapshot().connections.active === 0)
  }
  t.equal(target.persistence, 'persistent')
  t.equal(backend.accepted, 4)
})

t.test('HEAD and 304 count like other responses', async t => {
  for (const [method, status] of [['HEAD', 200], ['GET', 304], ['GET', 204]] as const) {
    const closing = await between(t, (_request, connection) => {
      connection.reply({ status, headers: { Connection: 'close' } })
      connection.end()
    })
    await ask(closing.url, 3, method)
    t.equal(closing.target.persistence, 'non-persistent', `${method} ${status}`)
    // With one connection only, since it rests before its next request.
    const keeping = await between(t, (_request, connection) => connection.reply({ status, body: 'not sent' }), { undiciOptions: { connections: 1 } })
    await ask(keeping.url, 5, method)
    t.equal(keeping.target.persistence, 'persistent', `${method} ${status}`)
    t.equal(keeping.backend.accepted, 1, `${method} ${status} keeps its connection`)
  }
})

t.test('without the inspector nothing is concluded', async t => {
  const { url, target, backend } = await between(t, phpServer(), { inspector: false })
  await ask(url, 6)
  t.equal(target.persistence, 'persistent')
  t.notOk(backend.log.some(({ header }) => header('connection') === 'close'))
})

t.test('evidence about one target\'s backend does not count for another target', async t => {
  const [closing, keeping] = [await backendFor(t, phpServer()), await backendFor(t, persistent())]
  const { url, gateway } = await gatewayFor(t, { routes: [{ upstream: closing.url, prefix: '/closing' }, { upstream: keeping.url, prefix: '/keeping' }] })
  for (let n = 0; n < 4; n++) {
    await request(`${url}/closing`)
    await request(`${url}/keeping`)
  }
  t.strictSame([...gateway.targets].map(({ persistence }) => persistence), ['non-persistent', 'persistent'])
  t.equal(keeping.accepted, 1)
})

t.test('a backend\'s Connection: close never closes a client\'s connection', async t => {
  const { port, target, backend } = await between(t, phpServer())
  const client = await clientFor(t, { port })
  for (let n = 0; n < 6; n++) {
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const response = await client.response()
    t.equal(response.status, 200)
    t.notMatch(response.header('connection'), /close/i)
  }
  t.equal(target.persistence, 'non-persistent')
  t.equal(backend.accepted, 6)
})
