import { once } from 'node:events'
import t from 'tap'
import { WebSocketServer } from 'ws'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import { persistent } from '../../testing/behaviours.js'
import { handshake, nextMessage, refusal, tunnelFor, webSocket, webSocketBackend, webSocketFor } from '../../testing/websocket.js'

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'

t.test('a backend\'s refusal is relayed, and the client\'s connection closes', async t => {
  const { url, target } = await tunnelFor(t, {
    backend: {
      onUpgrade: (_request, socket) => {
        socket.end('HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nConnection: close\r\nContent-Length: 5\r\n\r\nnever')
      }
    }
  })
  const { status, headers, body, closed } = await refusal(t, `${url}/live`)
  t.same([status, body, headers['x-why'], headers.connection, headers.via], [403, 'never', 'no', 'close', '1.1 holdfast'])
  await closed
  await until(() => target.snapshot().connections.active === 0)
  t.equal(target.snapshot().connections.upgraded, 0)
})

t.test('a large answer in place of a 101 streams, and the client\'s early bytes are never a request', async t => {
  const body = Buffer.alloc(3_000_000, 'x')
  const backend = await backendFor(t, (_request, connection) => { connection.reply({ status: 200, body }) })
  const { port } = await gatewayFor(t, { routes: [{ prefix: '/live', upstream: backend.url, websocket: true }] })
  const client = await clientFor(t, { port })
  client.write(`${handshake('/live')}GET /live/smuggled HTTP/1.1\r\nHost: a\r\n\r\n`)
  const response = await client.response()
  t.equal(response.status, 200)
  t.ok(response.body.equals(body))
  t.equal(response.header('connection'), 'close')
  t.equal(await client.ended, 'fin')
  t.equal(backend.requests, 1)
})

t.test('hooks run before a dial, and their answer counts', async t => {
  const ran: string[] = []
  const { url, backend, target } = await tunnelFor(t, {
    before: app => { app.addHook('onRequest', async () => { ran.push('onRequest') }) },
    route: {
      preHandler (request, reply, done) {
        ran.push('preHandler')
        if (request.headers.authorization === undefined) reply.code(401).send({ error: 'who are you?' })
        else done()
      }
    }
  })
  const { status, body, closed } = await refusal(t, `${url}/live`)
  t.same([status, JSON.parse(body)], [401, { error: 'who are you?' }])
  await closed
  t.same(ran, ['onRequest', 'preHandler'])
  t.equal(backend.accepted, 0)
  t.equal(target.snapshot().totals.requests, 0)
  await webSocketFor(t, `${url}/live`, [], { headers: { authorization: 'x' } })
  t.equal(backend.upgrades.length, 1)
})

t.test('a path that leaves its prefix, or is not a path, is refused before a dial', async t => {
  const { port, backend } = await tunnelFor(t, { route: { rewritePrefix: '/api' } })
  for (const path of ['/live/../admin', '/live/%2e%2e/admin', '/live/..%2fadmin', '/live/x\\..\\..\\admin', '/live//../../admin']) {
    const client = await clientFor(t, { port })
    client.write(handshake(path))
    const { status } = await client.response()
    t.ok(status === 400 || status === 404, `${path}: ${status}`)
    await client.ended
  }
  t.equal(backend.accepted, 0)
})

t.test('POST with Upgrade: h2c is an ordinary request, and its body is never a request', async t => {
  const backend = await backendFor(t, persistent(), { log: true })
  const { port } = await gatewayFor(t, { routes: [{ prefix: '/live', upstream: backend.url, websocket: true }, { prefix: '/plain', upstream: backend.url }] })
  const body = 'GET /live/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const framings = [`Content-Length: ${body.length}\r\n\r\n${body}`, `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`]
  for (const framing of framings) {
    for (const path of ['/live/first', '/plain/first']) {
      const client = await clientFor(t, { port })
      const before = backend.log.length
      // In pieces too, so that the body comes after the head.
      const message = `POST ${path} HTTP/1.1\r\nHost: a\r\nX-Kept: \xe9\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n${framing}`
      client.write(Buffer.from(message.slice(0, -10), 'latin1'))
      await new Promise(resolve => setImmediate(resolve))
      client.write(Buffer.from(message.slice(-10), 'latin1'))
      t.equal((await client.response()).status, 200)
      client.write(`GET ${path}/second HTTP/1.1\r\nHost: a\r\n\r\n`)
      t.equal((await client.response()).status, 200, 'the connection stays')
      const [first, second, ...more] = backend.log.slice(before)
      t.same([first?.method, first?.path, first?.body.toString(), first?.header('x-kept'), first?.header('upgrade')], ['POST', '/first', body, '\xe9', undefined])
      t.same([second?.method, second?.path], ['GET', '/first/second'])
      t.same(more, [])
      client.destroy()
    }
  }
})

t.test('an incomplete WebSocket request is an ordinary request', async t => {
  const backend = await backendFor(t, persistent(), { log: true })
  const { port } = await gatewayFor(t, { routes: [{ prefix: '/live', upstream: backend.url, websocket: true }, { prefix: '/plain', upstream: backend.url }] })
  const requests = {
    'of another protocol': handshake('/live').replace('Upgrade: websocket', 'Upgrade: other'),
    'without a key': handshake('/live').replace(/Sec-WebSocket-Key.*\r\n/, ''),
    'without a version': handshake('/live').replace(/Sec-WebSocket-Version.*\r\n/, ''),
    'with a body': `${handshake('/live', 'Content-Length: 3\r\n')}abc`,
    'of another method': handshake('/live').replace('GET', 'OPTIONS'),
    'of a route that is not upgradable': handshake('/plain'),
    'in HTTP/1.0': handshake('/live').replace('HTTP/1.1', 'HTTP/1.0')
  }
  for (const [what, bytes] of Object.entries(requests)) {
    const client = await clientFor(t, { port })
    const before = backend.log.length
    client.write(bytes)
    t.equal((await client.response()).status, 200, what)
    t.same(backend.log.slice(before).map(request => request.header('upgrade')), [undefined], what)
    client.destroy()
  }
})

t.test('without an upgradable route there is no upgrade listener, and Upgrade has no effect', async t => {
  const backend = await backendFor(t, persistent())
  const { app, port } = await gatewayFor(t, { routes: [{ prefix: '/live', upstream: backend.url }] })
  t.equal(app.server.listenerCount('upgrade'), 0)
  const client = await clientFor(t, { port })
  for (let i = 0; i < 2; i++) {
    client.write(handshake('/live'))
    t.equal((await client.response()).status, 200)
  }
})

t.test('other listeners get only the upgrades that match no upgradable route', async t => {
  const { app, url, backend } = await tunnelFor(t)
  const seen: string[] = []
  // This server answers 400 to every path but its own.
  const own = new WebSocketServer({ server: app.server, path: '/own' })
  t.teardown(() => { own.close() })
  own.on('connection', (socket, request) => {
    seen.push(request.url!)
    socket.on('message', data => socket.send(`own ${String(data)}`))
  })
  const theirs = await webSocketFor(t, `${url}/own`)
  theirs.send('x')
  t.equal(String((await nextMessage(theirs)).data), 'own x')
  const ours = await webSocketFor(t, `${url}/live`)
  ours.send('y')
  t.equal(String((await nextMessage(ours)).data), 'y')
  t.same([seen, backend.upgrades.length], [['/own'], 1])
  theirs.terminate()
})

t.test('an upgrade behind other requests waits for their answers', async t => {
  let release = (): void => {}
  const backend = await backendFor(t, (request, connection) => {
    if (request.path !== '/slow') {
      connection.takeOver()
      connection.write(SWITCHING)
      connection.socket.on('data', (chunk: Buffer) => connection.write(chunk))
      return
    }
    return new Promise<void>(resolve => {
      release = () => {
        connection.reply({ body: Buffer.alloc(2_000_000, 'x') })
        resolve()
      }
    })
  })
  const { port } = await gatewayFor(t, { routes: [{ prefix: '/live', upstream: backend.url, websocket: true }] })
  const client = await clientFor(t, { port })
  client.write(`GET /live/slow HTTP/1.1\r\nHost: a\r\n\r\n${handshake('/live')}frame`)
  await backend.waitFor(({ requests }) => requests === 1)
  release()
  t.equal((await client.response()).body.length, 2_000_000)
  t.equal((await client.response()).status, 101)
  t.equal(String(await client.read(5)), 'frame')
})

t.test('a client that leaves before its 101 frees the backend connection and its own socket', async t => {
  const backend = await backendFor(t, () => {})
  const { app, port, target } = await gatewayFor(t, { routes: [{ prefix: '/live', upstream: backend.url, websocket: true }] })
  for (const leave of ['destroy', 'close'] as const) {
    const before = backend.requests
    const client = await clientFor(t, { port })
    client.write(handshake('/live'))
    await backend.waitFor(({ requests }) => requests === before + 1)
    // Not awaited, since it resolves after the gateway's FIN.
    Promise.resolve(client[leave]()).catch(() => {})
    await backend.waitFor(({ open }) => open === 0)
    t.match(target.snapshot().connections, { active: 0, upgraded: 0, pending: 0 }, leave)
    await until(() => client.socket.destroyed)
  }
  await new Promise<void>((resolve, reject) => app.server.getConnections((error, count) => {
    if (error !== null) return reject(error)
    t.equal(count, 0)
    resolve()
  }))
  t.same(target.snapshot().totals.closed, { client_gone: 2 })
})

t.test('pool.maxUpgraded bounds tunnels: 503, also for simultaneous upgrades', async t => {
  const { url, target, backend } = await tunnelFor(t, { route: { pool: { maxUpgraded: 1 } } })
  const [one, two] = [webSocket(t, `${url}/live`), webSocket(t, `${url}/live`)]
  const answers = await Promise.all([one, two].map(async socket => Promise.race([
    once(socket, 'open').then(() => 101),
    once(socket, 'unexpected-response').then(([, response]) => (response as { statusCode: number }).statusCode)
  ])))
  t.same(answers.sort(), [101, 503])
  t.equal(target.snapshot().connections.upgraded, 1)
  const { status, headers, body } = await refusal(t, `${url}/live`)
  t.match([status, headers['retry-after'], JSON.parse(body)], [503, '1', { code: 'HOLDFAST_ERR_TOO_MANY_UPGRADES' }])
  for (const socket of [one, two]) socket.terminate()
  await until(() => target.snapshot().connections.upgraded === 0)
  await webSocketFor(t, `${url}/live`)
  await until(() => backend.open === 1)
})

t.test('a backend that is unreachable, is silent, or switches to another protocol is an ordinary error', async t => {
  const gone = await webSocketBackend(t)
  gone.server.close()
  await once(gone.server, 'close')
  const silent = await backendFor(t, () => {})
  const other = await backendFor(t, (_request, connection) => {
    connection.takeOver()
    connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n')
  })
  const bare = await backendFor(t, (_request, connection) => {
    connection.takeOver()
    connection.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  })
  const cases: [string, string, number, string][] = [
    ['/gone', gone.url, 502, 'HOLDFAST_ERR_CONNECT'],
    ['/silent', silent.url, 504, 'HOLDFAST_ERR_HEADERS_TIMEOUT'],
    ['/other', other.url, 502, 'HOLDFAST_ERR_INVALID_RESPONSE'],
    ['/bare', bare.url, 502, 'HOLDFAST_ERR_INVALID_RESPONSE']
  ]
  const { url } = await gatewayFor(t, {
    routes: cases.map(([prefix, upstream]) => ({ prefix, upstream, websocket: true, pool: { connectRetry: 0 }, undiciOptions: { headersTimeout: 100 } }))
  })
  for (const [prefix, , status, code] of cases) {
    const answer = await refusal(t, url + prefix)
    t.match([answer.status, JSON.parse(answer.body)], [status, { code }], prefix)
    await answer.closed
  }
  await other.waitFor(({ open }) => open === 0)
  await bare.waitFor(({ open }) => open === 0)
})

t.test('an upgrade with more header lines than node keeps is refused, since framing may be among them', async t => {
  const { port, backend } = await tunnelFor(t)
  const client = await clientFor(t, { port })
  client.write(`POST /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${'A: b\r\n'.repeat(1_100)}Content-Length: 30\r\n\r\nGET /live HTTP/1.1\r\nHost: a\r\n\r\n`)
  t.equal((await client.response()).status, 431)
  await client.ended
  t.equal(backend.accepted, 0)
})

t.test('onResponse hooks see the 101', async t => {
  const statuses: number[] = []
  const { url } = await tunnelFor(t, { before: app => { app.addHook('onResponse', async (_request, reply) => { statuses.push(reply.raw.statusCode) }) } })
  await webSocketFor(t, `${url}/live`)
  await until(() => statuses.length > 0)
  t.same(statuses, [101])
})

t.test('an upgrade on localhost\'s second server is served', async t => {
  const backend = await backendFor(t, persistent(), { log: true })
  const { app } = await gatewayFor(t, { routes: [{ prefix: '/live', upstream: backend.url, websocket: true }] })
  const other = (await import('node:http')).createServer((request, response) => { response.end(request.method) })
  other.on('upgrade', app.server.emit.bind(app.server, 'upgrade'))
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => { other.close() })
  const client = await clientFor(t, other.address() as { port: number })
  client.write('POST /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab')
  t.equal((await client.response()).body.toString(), 'POST', 'by its own server')
})
