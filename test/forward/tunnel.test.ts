import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import t from 'tap'
import type { WebSocket } from 'ws'
import { startBackend } from '../../testing/backend.js'
import type { Backend, BackendConnection } from '../../testing/backend.js'
import { certificates } from '../../testing/certificates.js'
import { request } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import { handshake, nextMessage, refusal, tunnelFor, webSocketBackend, webSocketFor } from '../../testing/websocket.js'

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'

t.test('text and binary messages, pings and pongs pass both ways', async t => {
  const { url, backend, target } = await tunnelFor(t, {
    backend: { onSocket: socket => socket.on('message', (data, binary) => { socket.ping('from the backend'); socket.send(data, { binary }) }) }
  })
  const socket = await webSocketFor(t, `${url}/live/chat?room=1`)
  t.equal(backend.upgrades[0]!.url, '/chat?room=1')
  const pinged = once(socket, 'ping')
  socket.send('text')
  t.same(await nextMessage(socket), { data: Buffer.from('text'), binary: false })
  t.equal(String((await pinged)[0]), 'from the backend')
  socket.send(Buffer.from([0, 255, 128]))
  t.same(await nextMessage(socket), { data: Buffer.from([0, 255, 128]), binary: true })
  const pong = once(socket, 'pong')
  socket.ping('from the client')
  t.equal(String((await pong)[0]), 'from the client')
  t.match(target.snapshot().connections, { upgraded: 1, active: 0 })
})

t.test('close codes and reasons pass both ways, and no connection is left', async t => {
  const { url, app, target, backend } = await tunnelFor(t)
  const mine = await webSocketFor(t, `${url}/live`)
  const [theirs] = backend.sockets.clients as Set<WebSocket>
  const heard = once(theirs!, 'close')
  mine.close(4001, 'enough')
  t.same((await heard).map(String), ['4001', 'enough'])
  const other = await webSocketFor(t, `${url}/live`)
  const told = once(other, 'close')
  for (const client of backend.sockets.clients) client.close(4002, 'no more')
  t.same((await told).map(String), ['4002', 'no more'])
  await until(() => target.snapshot().connections.upgraded === 0)
  t.match(target.snapshot().totals.closed, { upgraded: 2 })
  await until(() => backend.open === 0)
  await new Promise<void>((resolve, reject) => app.server.getConnections((error, count) => {
    if (error !== null) return reject(error)
    t.equal(count, 0)
    resolve()
  }))
})

t.test('messages of 16 MB pass whole', async t => {
  const { url } = await tunnelFor(t)
  const socket = await webSocketFor(t, `${url}/live`, [], { perMessageDeflate: false })
  const message = randomBytes(16 * 1024 * 1024)
  socket.send(message)
  const { data, binary } = await nextMessage(socket)
  t.ok(binary && message.equals(data))
})

t.test('extensions and subprotocol are negotiated between client and backend', async t => {
  const { url, backend } = await tunnelFor(t, { backend: { perMessageDeflate: { threshold: 0 }, handleProtocols: offered => [...offered][1] ?? false } })
  const socket = await webSocketFor(t, `${url}/live`, ['v1', 'v2'], { perMessageDeflate: true })
  t.equal(socket.protocol, 'v2')
  t.match(socket.extensions, /permessage-deflate/)
  t.match(backend.upgrades[0]!.headers['sec-websocket-extensions'], /permessage-deflate/)
  socket.send('a'.repeat(100_000))
  t.equal((await nextMessage(socket)).data.length, 100_000)
})

t.test('end-to-end headers pass both ways, and the gateway adds its own', async t => {
  const { url, backend } = await tunnelFor(t, {
    before: app => { app.addHook('onRequest', (_request, reply, done) => { reply.header('x-hook', 'ran'); done() }) },
    route: { replyOptions: { rewriteRequestHeaders: (_request, headers) => ({ ...headers, 'x-rewritten': 'yes' }) } }
  })
  backend.sockets.on('headers', headers => headers.push('Set-Cookie: a=1', 'Set-Cookie: b=2', 'Keep-Alive: timeout=5', 'X-Backend: yes'))
  const { port } = new URL(url)
  const client = await clientFor(t, { port: Number(port) })
  client.write(handshake('/live', 'Origin: http://page.test\r\nAuthorization: Bearer x\r\nCookie: c=1\r\nX-Hop: 1\r\nX-Forwarded-For: 6.6.6.6\r\n'
    .replace('X-Hop', 'Proxy-Authorization')))
  const response = await client.response()
  t.equal(response.status, 101)
  t.match(response.header('sec-websocket-accept'), /=$/)
  t.match(response.header('set-cookie'), 'a=1, b=2')
  t.same([response.header('via'), response.header('x-backend'), response.header('x-hook')], ['1.1 holdfast', 'yes', 'ran'])
  t.same([response.header('upgrade'), response.header('connection'), response.header('keep-alive'), response.header('content-length'), response.header('date')],
    ['websocket', 'Upgrade', undefined, undefined, undefined])
  const { headers } = backend.upgrades[0]!
  t.match(headers, {
    origin: 'http://page.test', authorization: 'Bearer x', cookie: 'c=1', 'x-rewritten': 'yes', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    via: '1.1 holdfast', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'a', upgrade: 'websocket'
  })
  t.equal(headers['proxy-authorization'], undefined)
})

t.test('a client\'s connection that has served requests may become a tunnel', async t => {
  const { url, backend, target } = await tunnelFor(t)
  t.equal((await request(`${url}/live/plain`)).status, 200)
  const socket = await webSocketFor(t, `${url}/live`)
  socket.send('hello')
  t.equal(String((await nextMessage(socket)).data), 'hello')
  t.equal(backend.accepted, 1)
  t.match(target.snapshot().totals, { opened: 1, reused: 1 })
  t.equal((await request(`${url}/live/plain`)).status, 200, 'and requests go on beside it')
})

t.test('wsUpstream is a separate target, and makes a route upgradable by itself', async t => {
  const http = await webSocketBackend(t)
  const live = await webSocketBackend(t)
  const routes = [
    { prefix: '/both', upstream: http.url, wsUpstream: live.url.replace('http', 'ws') },
    { prefix: '/only', upstream: '', wsUpstream: live.url, websocket: true },
    { prefix: '/chosen', upstream: '', websocket: true, replyOptions: { getUpstream: () => live.url.replace('http', 'ws') } }
  ]
  const { url, gateway } = await gatewayFor(t, { routes })
  for (const { prefix } of routes) {
    const socket = await webSocketFor(t, `${url}${prefix}/chat`)
    socket.send(prefix)
    t.equal(String((await nextMessage(socket)).data), prefix)
  }
  t.same(live.upgrades.map(upgrade => upgrade.url), ['/chat', '/chat', '/chat'])
  t.equal(http.upgrades.length, 0)
  t.equal((await request(`${url}/both/plain`)).status, 200)
  t.match((await request(`${url}/only/plain`)).status, 500)
  t.match(gateway.targets.get(live.url)?.snapshot().connections, { upgraded: 3 })
})

t.test('TLS backends: https: and wss: spellings, verified', async t => {
  const { authority, server } = certificates()
  const backend = await webSocketBackend(t, { tls: { key: server.key, cert: server.cert } })
  const trusting = { undiciOptions: { connect: { ca: authority.cert } }, websocket: true }
  const { url } = await gatewayFor(t, {
    routes: [
      { prefix: '/https', upstream: backend.url, ...trusting },
      { prefix: '/wss', upstream: backend.url.replace('https', 'wss'), ...trusting },
      { prefix: '/doubting', upstream: backend.url, websocket: true }
    ]
  })
  for (const prefix of ['/https', '/wss']) {
    const socket = await webSocketFor(t, url + prefix, [], { perMessageDeflate: false })
    const message = randomBytes(1_000_000)
    socket.send(message)
    t.ok(message.equals((await nextMessage(socket)).data), prefix)
    socket.close(4003)
    t.equal((await once(socket, 'close'))[0], 4003)
  }
  t.match((await refusal(t, `${url}/doubting`)).status, 502)
})

t.test('a tunnel\'s client that does not read holds back the backend', async t => {
  const TOTAL = 120 * 1024 * 1024
  // A WebSocket frame.
  const CHUNK = Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xf6]), Buffer.alloc(65_526)])
  let sent = 0
  const { port } = await tunnelFor(t, {
    backend: {
      onUpgrade (_request, socket) {
        socket.write(SWITCHING)
        const more = (): void => {
          while (sent < TOTAL) {
            sent += CHUNK.length
            if (!socket.write(CHUNK)) return
          }
        }
        socket.on('drain', more)
        more()
      }
    }
  })
  const client = await clientFor(t, { port })
  client.write(handshake('/live'))
  t.equal((await client.response()).status, 101)
  client.socket.pause()
  let before = -1
  // Until no more bytes move.
  for (let still = 0; still < 10; still = sent === before ? still + 1 : 0) {
    before = sent
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  t.ok(sent < TOTAL, `${sent} bytes were taken, kernel buffers included`)
  t.ok(sent - client.socket.bytesRead < 16 * 1024 * 1024, `${sent - client.socket.bytesRead} bytes are on their way`)
  // The client's message reader is too slow for so many bytes.
  client.socket.removeAllListeners('data')
  let received = client.unread.length
  await new Promise<void>(resolve => {
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received >= TOTAL) resolve()
    })
    client.socket.resume()
  })
  t.equal(received, TOTAL, 'nothing is lost')
})

t.test('a tunnel\'s backend that does not read holds back the client', async t => {
  const { port, backend } = await tunnelFor(t, { backend: { onUpgrade: (_request, socket) => { socket.pause().write(SWITCHING) } } })
  const client = await clientFor(t, { port })
  client.write(handshake('/live'))
  await client.response()
  const TOTAL = 60 * 1024 * 1024
  let drained = false
  client.socket.write(Buffer.alloc(TOTAL), () => { drained = true })
  let before = -1
  for (let still = 0; still < 10; still = client.socket.writableLength === before ? still + 1 : 0) {
    before = client.socket.writableLength
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  t.notOk(drained)
  t.equal(backend.open, 1)
})

/** A raw client, and a raw backend that has sent a 101 and continues as the test says. */
async function rawTunnel (t: Parameters<typeof backendFor>[0] & Parameters<typeof tunnelFor>[0], route = {}): Promise<{ backend: Backend, connection: BackendConnection, client: Awaited<ReturnType<typeof clientFor>>, target: Awaited<ReturnType<typeof gatewayFor>>['target'] }> {
  const backend = await startBackend((_request, connection) => {
    connection.takeOver()
    connection.write(SWITCHING)
  }, { allowHalfOpen: true })
  t.teardown(() => backend.close())
  const running = await gatewayFor(t, { routes: [{ prefix: '/live', upstream: backend.url, websocket: true, ...route }] })
  const client = await clientFor(t, running)
  client.write(handshake('/live'))
  t.equal((await client.response()).status, 101)
  client.socket.allowHalfOpen = true
  return { backend, connection: backend.connections[0]!, client, target: running.target }
}

t.test('the end of one direction is passed on, and the other direction continues', async t => {
  for (const first of ['client', 'backend']) {
    const { backend, connection, client, target } = await rawTunnel(t)
    const [one, other]: [Socket, Socket] = first === 'client' ? [client.socket, connection.socket] : [connection.socket, client.socket]
    const ended = once(other, 'end')
    one.end('the last of it')
    await ended
    t.equal(target.snapshot().connections.upgraded, 1, `${first} is done, the tunnel stands`)
    const [answer] = await Promise.all([once(one, 'data'), new Promise<void>(resolve => other.write('still here', () => resolve()))])
    t.equal(String(answer[0]), 'still here')
    other.end()
    await backend.waitFor(({ open }) => open === 0)
    await until(() => target.snapshot().connections.upgraded === 0)
  }
})

t.test('a reset of either side ends both sides', async t => {
  const mine = await rawTunnel(t)
  const ended = once(mine.connection.socket, 'end')
  mine.client.destroy()
  await ended
  await until(() => mine.target.snapshot().connections.upgraded === 0)
  const theirs = await rawTunnel(t)
  theirs.connection.reset()
  await theirs.client.ended
  await until(() => theirs.target.snapshot().connections.upgraded === 0)
})

t.test('bytes that come with the 101, and frames that are sent before it, are not lost', async t => {
  const backend = await backendFor(t, async (_request, connection) => {
    const early = connection.takeOver()
    connection.write(`${SWITCHING}at once`)
    connection.socket.on('data', (chunk: Buffer) => connection.write(chunk))
    connection.write(early)
  })
  const { port } = await gatewayFor(t, { routes: [{ prefix: '/live', upstream: backend.url, websocket: true }] })
  const client = await clientFor(t, { port })
  client.write(`${handshake('/live')}in one go`)
  client.write(', and more')
  t.equal((await client.response()).status, 101)
  t.equal(String(await client.read('at oncein one go, and more'.length)), 'at oncein one go, and more')
})

t.test('a silent tunnel ends after tunnelIdleTimeout, with 1001 at a frame boundary', async t => {
  const { url, target } = await tunnelFor(t, { route: { tunnelIdleTimeout: 600 } })
  const socket = await webSocketFor(t, `${url}/live`)
  const began = performance.now()
  for (let i = 0; i < 4; i++) {
    socket.send('busy')
    await nextMessage(socket)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  t.equal(socket.readyState, socket.OPEN, 'not while something does')
  t.equal((await once(socket, 'close'))[0], 1001)
  t.ok(performance.now() - began >= 1_150)
  await until(() => target.snapshot().connections.upgraded === 0)
})
