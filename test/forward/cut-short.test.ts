// Regression: a response that was cut short looked whole to HTTP/2 and HTTP/1.0 clients, and an upload that an HTTP/2 client broke off
// looked whole to the backend.
import { connect } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import type { ProxyOptions } from '../../src/index.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import { certificates } from '../../testing/certificates.js'

async function http2Between (t: Test, script: BackendScript, route: ProxyOptions = {}): Promise<{ backend: Backend, session: ClientHttp2Session }> {
  const backend = await backendFor(t, script)
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
  await app.register(proxy, { upstream: backend.url, ...route })
  const session = connect(await app.listen({ port: 0, host: '127.0.0.1' }))
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  return { backend, session }
}

const PART: Record<string, string> = {
  length: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart',
  chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n',
  'the end of its connection': 'HTTP/1.0 200 OK\r\n\r\npart'
}

for (const framed of Object.keys(PART)) {
  t.test(`a response framed by ${framed} that is cut short is an error to an HTTP/2 client`, async t => {
    const { session, backend } = await http2Between(t, (_request, connection) => connection.write(PART[framed]!))
    const stream = session.request({ ':path': '/' })
    const failed = new Promise<Error>(resolve => stream.once('error', resolve))
    await new Promise(resolve => stream.once('data', resolve))
    backend.connections[0]!.reset()
    t.match(await failed, { code: 'ERR_HTTP2_STREAM_ERROR', message: /INTERNAL_ERROR/ })
  })

  t.test(`a response framed by ${framed} that is cut short ends an HTTP/1.0 client's connection by a reset`, async t => {
    const backend = await backendFor(t, (_request, connection) => connection.write(PART[framed]!))
    const client = await clientFor(t, await gatewayFor(t, { routes: [{ upstream: backend.url }] }))
    client.write('GET / HTTP/1.0\r\nHost: x\r\n\r\n')
    await until(() => client.unread.includes('part'))
    backend.connections[0]!.reset()
    t.equal(await client.ended, 'rst')
  })
}

t.test('over TLS a cut response ends without a close_notify, and over HTTP/1.1 short of its end', async t => {
  const { server: { key, cert }, ca } = certificates()
  const backend = await backendFor(t, (_request, connection) => connection.write(PART['chunked']!))
  const app = Fastify({ https: { key, cert } })
  t.teardown(() => app.close())
  await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
  await app.register(proxy, { upstream: backend.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const socket = connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' })
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk: Buffer) => { text += chunk.toString() })
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => text.includes('part'))
  backend.connections[0]!.reset()
  await new Promise(resolve => socket.once('close', resolve))
  t.notMatch(text, /\r\n0\r\n/)
})

/** HTTP/2 frames on stream 1 (RFC 9113 section 4.1). */
function frame (type: number, flags: number, payload: Buffer | string, stream = 1): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, Buffer.from(payload as string, 'latin1')])
}

const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, '', 0)])
// POST, /, http, and an :authority of `x`.
const POST = frame(1, 4, '\x83\x84\x86\x41\x01x')
const RESET = frame(3, 0, '\0\0\0\x08')

for (const [how, last] of [['a reset', Buffer.alloc(0)], ['an end and a reset behind it, as of node\'s own client', frame(0, 1, '')]] as const) {
  t.test(`an upload over HTTP/2 that ends by ${how} is never whole to the backend`, async t => {
    for (const size of [100, 16_000]) {
      let whole = 0
      const backend = await backendFor(t, () => { whole++ })
      const app = Fastify({ http2: true })
      t.teardown(() => app.close())
      await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
      await app.register(proxy, { upstream: backend.url, retry: { replayLimit: 1_000 } })
      await app.listen({ port: 0, host: '127.0.0.1' })
      const client = await clientFor(t, app.server.address() as { port: number })
      client.write(Buffer.concat([PREFACE, POST, frame(0, 0, Buffer.alloc(size))]))
      // After a pause the gateway forwards the short body too.
      await backend.waitFor(({ accepted }) => accepted === 1)
      client.write(Buffer.concat([last, RESET]))
      await backend.waitFor(({ open }) => open === 0)
      t.equal(whole, 0)
    }
  })
}

t.test('an upload of an HTTP/2 client that destroys its session is never whole to the backend', async t => {
  for (let n = 0; n < 4; n++) {
    let came = 0
    let whole = 0
    const { session, backend } = await http2Between(t, {
      onConnection: ({ socket }) => { socket.on('data', (chunk: Buffer) => { came += chunk.length }) },
      onRequest: () => { whole++ }
    })
    const stream = session.request({ ':method': 'POST', ':path': '/', 'content-type': 'a/b' })
    stream.on('error', () => {})
    stream.write(Buffer.alloc(n % 2 === 0 ? 70_000 : 100))
    await until(() => came > 100)
    session.destroy()
    await backend.waitFor(({ open }) => open === 0)
    t.equal(whole, 0)
  }
})
