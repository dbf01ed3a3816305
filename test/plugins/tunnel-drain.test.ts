import { once } from 'node:events'
import t from 'tap'
import { getGateway } from '../../src/index.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import { handshake, nextMessage, refusal, tunnelFor, webSocketFor } from '../../testing/websocket.js'

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'

t.test('tunnels continue until the deadline, end with 1001, and are counted and logged', async t => {
  const { url, gateway, app, log, backend } = await tunnelFor(t, { gateway: { drain: { deadline: 300 } } })
  const socket = await webSocketFor(t, `${url}/live`)
  const other = await webSocketFor(t, `${url}/live`)
  const closed = Promise.all([once(socket, 'close'), once(other, 'close')])
  const began = performance.now()
  const drained = gateway.drain()
  await until(() => !app.server.listening)
  socket.send('still here')
  t.equal(String((await nextMessage(socket)).data), 'still here')
  await drained
  const took = performance.now() - began
  t.ok(took >= 290 && took < 2_000, `${took} ms`)
  t.same((await closed).map(([code]) => code as number), [1001, 1001])
  t.match(log.filter(({ msg }) => /deadline/.test(msg ?? '')), [{ tunnels: 2, connections: 2 }])
  await until(() => backend.open === 0)
})

t.test('if all tunnels end by themselves, the drain ends at once and cuts none', async t => {
  const { url, gateway, app, log } = await tunnelFor(t, { gateway: { drain: { deadline: 10_000 } } })
  const socket = await webSocketFor(t, `${url}/live`)
  const drained = gateway.drain()
  await until(() => !app.server.listening)
  socket.close(1000)
  await drained
  t.same(log.filter(({ msg }) => /cut/.test(msg ?? '')), [])
})

t.test('a tunnel within a frame is cut, and so is an upgrade without an answer', async t => {
  const backend = await backendFor(t, ({ path }, connection) => {
    if (path === '/silent') return
    connection.takeOver()
    // The first two bytes of a frame of five.
    connection.write(Buffer.concat([Buffer.from(SWITCHING), Buffer.from([0x82, 0x05, 1, 2])]))
  })
  const { port, gateway, log } = await gatewayFor(t, { gateway: { drain: { deadline: 100 } }, routes: [{ prefix: '/live', upstream: backend.url, websocket: true }] })
  const within = await clientFor(t, { port })
  within.write(handshake('/live'))
  t.equal((await within.response()).status, 101)
  await within.read(4)
  const silent = await clientFor(t, { port })
  silent.write(handshake('/live/silent'))
  await backend.waitFor(({ requests }) => requests === 2)
  await gateway.drain()
  await Promise.all([within.ended, silent.ended])
  t.equal(within.unread.length, 0, 'no close frame in the middle of another')
  await backend.waitFor(({ open }) => open === 0)
  t.match(log.filter(({ msg }) => /deadline/.test(msg ?? '')), [{ tunnels: 2 }])
})

t.test('a frame of any size is followed to its end', async t => {
  for (const head of [[0x82, 3], [0x82, 126, 1, 0], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]]) {
    const [, short, ...extended] = head
    const length = extended.length === 0 ? short! : Buffer.from(extended).readUIntBE(Math.max(0, extended.length - 6), Math.min(6, extended.length))
    const frame = Buffer.concat([Buffer.from(head), Buffer.alloc(length, 0x88)])
    const backend = await backendFor(t, (_request, connection) => {
      connection.takeOver()
      connection.write(SWITCHING)
      // A byte at a time, and whole.
      for (const byte of frame.subarray(0, 12)) connection.write(Buffer.from([byte]))
      connection.write(Buffer.concat([frame.subarray(12), frame, frame]))
    })
    const { port, gateway } = await gatewayFor(t, { gateway: { drain: { deadline: 50 } }, routes: [{ prefix: '/live', upstream: backend.url, websocket: true }] })
    const client = await clientFor(t, { port })
    client.write(handshake('/live'))
    await client.response()
    await client.read(frame.length * 3)
    await gateway.drain()
    t.equal(await client.ended, 'fin')
    t.same([...client.unread], [0x88, 2, 3, 0xe9], `${length} bytes`)
  }
})

t.test('an upgrade while the app closes is refused', async t => {
  const { url, port, gateway, app, backend } = await tunnelFor(t, { gateway: { drain: { deadline: 2_000 } } })
  const socket = await webSocketFor(t, `${url}/live`)
  const late = await clientFor(t, { port })
  late.write('GET /live HTTP/1.1\r\nHost: a\r\n')
  const drained = gateway.drain()
  await until(() => !app.server.listening)
  late.write(handshake('/live').slice(handshake('/live').indexOf('Connection')))
  t.equal((await late.response()).status, 503)
  await late.ended
  t.equal(backend.upgrades.length, 1)
  socket.terminate()
  await drained
})

t.test('without the gateway plugin, closing the app ends tunnels with 1001 at once', async t => {
  const { url, app, backend } = await tunnelFor(t, { gateway: false })
  const socket = await webSocketFor(t, `${url}/live`)
  const closed = once(socket, 'close')
  await app.close()
  t.equal((await closed)[0], 1001)
  await until(() => backend.open === 0)
  t.equal([...getGateway(app).targets].length, 1)
  await t.rejects(refusal(t, `${url}/live`))
})
