import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyReply, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import type { ProxyOptions } from '../../src/index.js'
import type { BackendConnection } from '../../testing/backend.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'
import { handshake } from '../../testing/websocket.js'

// Every byte above 0x7f in one value: one is a no-break space, some are halves of UTF-8 characters.
const HIGH = Buffer.from(Array.from({ length: 128 }, (_, n) => 128 + n))
const LINE = Buffer.concat([Buffer.from('X-A: b'), HIGH, Buffer.from('e\r\n')])

interface Way {
  status?: string
  fields?: string
  body?: string | Buffer
  route?: object
  method?: string
  /** What an onSend hook does with the payload. */
  onSend? (payload: unknown): unknown
  /** The body comes later than the head. */
  late?: boolean
}

const JSON_TYPE = 'Content-Type: application/json\r\n'
const onResponse = (_request: FastifyRequest, reply: FastifyReply, { stream }: { stream: unknown }): void => { reply.send(stream) }
const WAYS: Record<string, Way> = {
  'a short text': { fields: JSON_TYPE, body: '{"a":1}' },
  'a short text of other than ASCII': { fields: JSON_TYPE, body: '{"a":"\u00e9"}' },
  'a short text that a hook changes': { fields: JSON_TYPE, body: '{"a":1}', onSend: () => '{"a":"changed: \u00e9"}' },
  bytes: { fields: 'Content-Type: image/png\r\n', body: Buffer.from([0, 255, 128]) },
  'bytes that a hook makes a text of': { fields: 'Content-Type: image/png\r\n', body: Buffer.from([0xc3, 0xa9]), onSend: payload => String(payload) },
  'many bytes': { fields: JSON_TYPE, body: 'x'.repeat(40_000) },
  'a stream': { fields: JSON_TYPE, body: 'x'.repeat(600_000) },
  'a stream whose body comes later': { fields: JSON_TYPE, body: 'later', late: true },
  'a stream of unknown length': { fields: `${JSON_TYPE}Transfer-Encoding: chunked\r\n`, body: '5\r\nhello\r\n0\r\n\r\n', late: true },
  'a body without a type': { body: 'untyped' },
  'an empty body': { fields: JSON_TYPE, body: '' },
  'an answer to HEAD': { fields: `${JSON_TYPE}Content-Length: 7\r\n`, method: 'HEAD' },
  204: { status: '204 No Content' },
  304: { status: '304 Not Modified', fields: 'ETag: "1"\r\nContent-Length: 7\r\n' },
  onResponse: { fields: JSON_TYPE, body: 'xyz', route: { replyOptions: { onResponse } } }
}

async function respond (connection: BackendConnection, { status = '200 OK', fields = '', body, late = false }: Way): Promise<void> {
  const framed = body === undefined || /^(transfer-encoding|content-length):/im.test(fields) ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  connection.write(Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${fields}${framed}`), LINE, Buffer.from('\r\n')]))
  if (late) await new Promise(resolve => setTimeout(resolve, 20))
  if (body !== undefined) connection.write(body)
}

/** Sends these bytes, and returns all bytes until the gateway closes. */
async function bytesOf (t: Test, port: number, request: string): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write(request)
  await once(socket, 'end')
  return Buffer.concat(chunks)
}

function hasLine (t: Test, bytes: Buffer, name: string, times = 1): void {
  const at = bytes.toString('latin1').toLowerCase().split(LINE.toString('latin1').toLowerCase()).length - 1
  t.equal(at, times, name)
}

for (const [title, way] of Object.entries(WAYS)) {
  t.test(`bytes above 0x7f of a header value stay bytes: ${title}`, async t => {
    const backend = await backendFor(t, (_request, connection) => respond(connection, way))
    const { port } = await gatewayFor(t, {
      routes: [{ upstream: backend.url, ...way.route } as ProxyOptions],
      before: app => { if (way.onSend !== undefined) app.addHook('onSend', async (_request, _reply, payload) => way.onSend!(payload)) }
    })
    const request = (version: string, connection: string): string => `${way.method ?? 'GET'} / HTTP/${version}\r\nHost: a\r\n${connection}\r\n`
    hasLine(t, await bytesOf(t, port, request('1.1', 'Connection: close\r\n')), 'where the connection closes')
    hasLine(t, await bytesOf(t, port, request('1.0', '')), 'to HTTP/1.0')
    hasLine(t, await bytesOf(t, port, request('1.1', '') + request('1.1', 'Connection: close\r\n')), 'kept, then closed, pipelined', 2)
  })
}

t.test('bytes above 0x7f of a header value stay bytes: 103, 101, and the answer to an upgrade', async t => {
  const backend = await backendFor(t, ({ path }, connection) => {
    if (path === '/live/101') {
      connection.write(Buffer.concat([Buffer.from('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n'), LINE, Buffer.from('\r\n')]))
      connection.takeOver()
      connection.end()
      return
    }
    if (path === '/hint') connection.write(Buffer.concat([Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n'), LINE, Buffer.from('\r\n')]))
    connection.write(Buffer.concat([Buffer.from('HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n'), LINE, Buffer.from('\r\nno')]))
  })
  const { port } = await gatewayFor(t, {
    routes: [{ upstream: backend.url, earlyHints: true }, { upstream: backend.url, prefix: '/live', rewritePrefix: '/live', websocket: true }]
  })
  hasLine(t, await bytesOf(t, port, 'GET /hint HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), 'a 103 and its response', 2)
  hasLine(t, await bytesOf(t, port, handshake('/live/101')), 'a 101')
  hasLine(t, await bytesOf(t, port, handshake('/live/403')), 'a refusal')
})

t.test('bytes above 0x7f that a hook puts on a reply stay bytes if the request fails', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reset())
  const { port } = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: app => { app.addHook('onRequest', async (_request, reply) => { reply.header('x-a', `b${HIGH.toString('latin1')}e`) }) }
  })
  hasLine(t, await bytesOf(t, port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), 'a 502')
})

t.test('bytes above 0x7f of a header value stay bytes over HTTP/2', async t => {
  const backend = await backendFor(t, (_request, connection) => respond(connection, WAYS['a short text']!))
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(gateway as never, { pressure: false, drain: { deadline: 200 } } as never)
  await app.register(proxy as never, { upstream: backend.url } as never)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connectHttp2(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.destroy())
  const [headers] = await once(session.request({}).resume(), 'response') as [Record<string, string>]
  t.strictSame(Buffer.from(headers['x-a']!, 'latin1'), Buffer.concat([Buffer.from('b'), HIGH, Buffer.from('e')]))
})
