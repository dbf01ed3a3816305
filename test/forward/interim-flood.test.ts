import type { Socket } from 'node:net'
import t from 'tap'
import { takesHint } from '../../src/forward/early-hints.js'
import type { BackendConnection } from '../../testing/backend.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const hint = (size: number): string => `HTTP/1.1 103 Early Hints\r\nLink: </${'x'.repeat(size)}>; rel=preload\r\n\r\n`

/** Writes as fast as it is read, until its connection closes. */
function flood (connection: BackendConnection, bytes: string): void {
  const { socket } = connection
  const piece = bytes.repeat(16)
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece)) { /* As much as goes. */ }
  }
  socket.on('drain', more)
  more()
}

for (const earlyHints of [true, false]) {
  for (const [title, bytes] of [['103', hint(8_000)], ['102', 'HTTP/1.1 102 Processing\r\n\r\n'], ['199', 'HTTP/1.1 199 Odd\r\n\r\n']] as const) {
    t.test(`a flood of ${title} is an invalid response, and little of it reaches the client; earlyHints: ${earlyHints}`, async t => {
      const backend = await backendFor(t, (_request, connection) => flood(connection, bytes))
      const sockets: Socket[] = []
      const running = await gatewayFor(t, {
        routes: [{ upstream: backend.url, earlyHints, undiciOptions: { headersTimeout: 0 } }],
        before: app => { app.addHook('onRequest', async ({ raw }) => { sockets.push(raw.socket) }) }
      })
      const client = await clientFor(t, running)
      client.write(GET)
      let response = await client.response()
      for (; response.status < 200; response = await client.response()) t.equal(response.status, 103)
      t.equal(response.status, 502)
      t.match(response.body.toString(), 'HOLDFAST_ERR_INVALID_RESPONSE')
      t.ok(sockets[0]!.bytesWritten < (earlyHints && title === '103' ? 16 : 1) * 8_100 + 1_000, `${sockets[0]!.bytesWritten} bytes written`)
      await until(() => backend.open === 0)
      t.match(running.target.snapshot().totals.closed, { invalid_response: 1 })
    })
  }
}

t.test('little of a flood is kept for a client that does not read', async t => {
  const backend = await backendFor(t, (_request, connection) => flood(connection, hint(15_000)))
  const sockets: Socket[] = []
  const running = await gatewayFor(t, {
    routes: [{ upstream: backend.url, earlyHints: true }],
    before: app => { app.addHook('onRequest', async ({ raw }) => { sockets.push(raw.socket) }) }
  })
  const client = await clientFor(t, running)
  client.socket.pause()
  client.write(GET)
  await until(() => running.target.snapshot().totals.closed.invalid_response === 1)
  const { bytesWritten, writableLength } = sockets[0]!
  t.ok(bytesWritten + writableLength < 17 * 15_100 * 2, `${bytesWritten} bytes written, ${writableLength} kept`)
})

t.test('hints for a response that waits behind another are not kept', async t => {
  let answerFirst: () => void = () => {}
  let hinted = false
  const backend = await backendFor(t, ({ path }, connection) => {
    if (path === '/first') {
      answerFirst = () => connection.reply({ body: 'first' })
      return
    }
    connection.write(hint(10))
    connection.reply({ body: 'second' })
    hinted = true
  })
  const client = await clientFor(t, await gatewayFor(t, { routes: [{ upstream: backend.url, earlyHints: true }] }))
  client.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => hinted)
  answerFirst()
  t.equal((await client.response()).body.toString(), 'first')
  t.equal((await client.response()).body.toString(), 'second')
})

t.test('a few hints before a response are relayed, and it arrives after many interim responses', async t => {
  const backend = await backendFor(t, async (_request, connection) => {
    connection.write(hint(10))
    for (let n = 0; n < 100; n++) connection.write('HTTP/1.1 102 Processing\r\n\r\n')
    connection.reply({ body: 'final' })
  })
  const client = await clientFor(t, await gatewayFor(t, { routes: [{ upstream: backend.url, earlyHints: true }] }))
  client.write(GET)
  t.equal((await client.response()).status, 103)
  t.equal((await client.response()).body.toString(), 'final')
})

t.test('a hint is written only if the client has taken all earlier bytes, and after at most fifteen hints', async t => {
  const to = (socket: object | null, sent: number): boolean => takesHint({ socket: socket as Socket | null }, sent)
  const free = { destroyed: false, writableLength: 0 }
  t.ok(to(free, 0))
  t.ok(to(free, 15))
  t.notOk(to(free, 16))
  t.notOk(to({ ...free, writableLength: 1 }, 0), 'it has not taken what was written')
  t.notOk(to(null, 0), 'its response stands behind another')
  t.notOk(to({ ...free, destroyed: true }, 0))
})
