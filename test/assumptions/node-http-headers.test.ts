// What src/quirks/node-http-headers.ts relies on of node:http and node:http2, asked of Node alone.
import { on, once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerOptions } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { Http2ServerRequest } from 'node:http2'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'

// Of these the first line counts; the lines of all others are joined.
const FIRST = ['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
  'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer', 'retry-after', 'user-agent']
const FIRST_IN_HTTP1 = ['server']
const FIRST_IN_HTTP2 = ['access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'content-encoding',
  'content-language', 'content-location', 'content-md5', 'content-range', 'date', 'dnt', 'if-match', 'if-none-match', 'if-range', 'range',
  'tk', 'upgrade-insecure-requests', 'x-content-type-options']
const JOINED = ['accept', 'cache-control', 'connection', 'forwarded', 'via', 'x-a', 'x-forwarded-for']
// A server's parser refuses two of them.
const REFUSED = new Set(['content-length', 'host'])

/** The message that comes of a head. */
async function messageOf (t: Test, lines: string[], options: ServerOptions = {}): Promise<IncomingMessage> {
  const server = createServer({ ...options, requireHostHeader: false }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close().closeAllConnections() })
  await once(server, 'listening')
  const asked = once(server, 'request') as Promise<[IncomingMessage]>
  const socket: Socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  return (await asked)[0]
}

t.test('of two lines of a name, node has the first or both, by the name', async t => {
  for (const [names, wanted] of [[[...FIRST, ...FIRST_IN_HTTP1], 'one'], [[...FIRST_IN_HTTP2, ...JOINED], 'one, two']] as const) {
    for (const name of names) {
      if (REFUSED.has(name)) continue
      const { headers, rawHeaders } = await messageOf(t, [`${name}: one`, `${name}: two`])
      t.equal(headers[name], wanted, name)
      t.same(rawHeaders, [name, 'one', name, 'two'])
    }
  }
  const { headers } = await messageOf(t, ['Cookie: a=1', 'Cookie: b=2', 'Set-Cookie: c=3', 'Set-Cookie: d=4'])
  t.equal(headers.cookie, 'a=1; b=2')
  t.same(headers['set-cookie'], ['c=3', 'd=4'])
  t.same((await messageOf(t, ['Set-Cookie: c=3'])).headers['set-cookie'], ['c=3'])
})

t.test('with joinDuplicateHeaders it joins them, and the message says so', async t => {
  const names = [...FIRST, ...FIRST_IN_HTTP1].filter(name => !REFUSED.has(name))
  for (const joinDuplicateHeaders of [true, false]) {
    const message = await messageOf(t, names.flatMap(name => [`${name}: one`, `${name}: two`]), { joinDuplicateHeaders })
    t.equal((message as { joinDuplicateHeaders?: boolean }).joinDuplicateHeaders === true, joinDuplicateHeaders)
    for (const name of names) t.equal(message.headers[name], joinDuplicateHeaders ? 'one, two' : 'one', name)
  }
  t.not((await messageOf(t, ['a: b']) as { joinDuplicateHeaders?: boolean }).joinDuplicateHeaders, true)
})

t.test('the object of the headers is one plain object, with names in lower case, and keeps what is set in it', async t => {
  const message = await messageOf(t, ['X-A: b'])
  message.headers['x-a'] = 'c'
  t.equal(message.headers['x-a'], 'c')
  const wanted = { value: 'c', writable: true, enumerable: true, configurable: true }
  t.strictSame(Object.getOwnPropertyDescriptor(message.headers, 'x-a'), wanted)
  t.same(message.rawHeaders, ['X-A', 'b'])
})

// Each frame is written by hand: node's own client joins, or refuses, what comes twice.
function literal (name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x00, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)])
}

function frame (type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const PSEUDO = [[':method', 'GET'], [':path', '/'], [':scheme', 'http'], [':authority', 'a']] as const

/** The frame of a request whose head is all of it. */
function requestOf (stream: number, fields: ReadonlyArray<readonly [string, string]>): Buffer {
  return frame(1, 0x5, stream, Buffer.concat([...PSEUDO, ...fields].map(([name, value]) => literal(name, value))))
}

t.test('of two lines of a name in HTTP/2 it has the first or both, by another list', async t => {
  const server = createHttp2Server().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))]))
  const asked = on(server, 'request') as AsyncIterableIterator<[Http2ServerRequest]>
  let stream = 1
  for (const [names, wanted] of [[[...FIRST, ...FIRST_IN_HTTP2], 'one'], [[...FIRST_IN_HTTP1, ...JOINED], 'one, two']] as const) {
    for (const name of names) {
      // What nghttp2 refuses, or what is no part of HTTP/2.
      if (name === 'content-length' || name === 'connection' || name === 'host') continue
      socket.write(requestOf(stream, [[name, 'one'], [name, 'two']]))
      stream += 2
      const { value: [{ headers }] } = await asked.next() as { value: [Http2ServerRequest] }
      t.equal(headers[name], wanted, name)
    }
  }
  socket.write(requestOf(stream, [['cookie', 'a=1'], ['cookie', 'b=2'], ['set-cookie', 'c=3']]))
  const { value: [{ headers }] } = await asked.next() as { value: [Http2ServerRequest] }
  t.equal(headers.cookie, 'a=1; b=2')
  t.same(headers['set-cookie'], ['c=3'])
})

t.test('a request of HTTP/2 keeps what is set in its headers', async t => {
  const server = createHttp2Server().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => client.destroy())
  const asked = once(server, 'request') as Promise<[Http2ServerRequest]>
  client.request({ ':path': '/', 'x-a': 'b' }).on('error', () => {}).end()
  const [{ headers, rawHeaders }] = await asked
  headers['x-a'] = 'c'
  t.equal(headers['x-a'], 'c')
  t.equal(rawHeaders[rawHeaders.indexOf('x-a') + 1], 'b')
})
