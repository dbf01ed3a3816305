// Regression: an answer that came before its HTTP/2 upload had been read was reset before the frame that ends it. A strict client saw it
// cut short.
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { gateway, proxy } from '../../src/index.js'
import { backendFor, until } from '../../testing/gateway.js'

const DATA = 0
const HEADERS = 1
const RST_STREAM = 3
const END = 1
const END_HEADERS = 4

/** RFC 9113 section 4.1, on stream 1. */
function frame (type: number, flags: number, payload: Buffer, stream = 1): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** RFC 7541 section 6.2.2, without a table and without Huffman. */
function fields (all: Record<string, string>): Buffer {
  return Buffer.concat(Object.entries(all).map(([name, value]) => Buffer.from(`\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`, 'latin1')))
}

/** The ends of stream 1 that came, in order. */
function endsIn (received: Buffer): string[] {
  const ends: string[] = []
  for (let at = 0; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3)) {
    const type = received[at + 3]
    if (received.readUInt32BE(at + 5) !== 1) continue
    if (type === RST_STREAM) ends.push(`reset ${received.readUInt32BE(at + 9)}`)
    else if ((type === DATA || type === HEADERS) && (received[at + 4]! & END) !== 0) ends.push('end')
  }
  return ends
}

for (const [what, limit, upload] of [['of the backend\'s', 0, 100_000], ['of ours, before anything was read', 10, 0]] as const) {
  t.test(`an early answer ${what} ends before its HTTP/2 upload is reset`, async t => {
    const backend = await backendFor(t, {
      onHead: (_head, connection) => connection.write('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge'),
      onRequest: () => {}
    })
    const app = Fastify({ http2: true })
    t.teardown(() => app.close())
    await app.register(gateway, { pressure: false, drain: { deadline: 200 }, bodyLimit: limit })
    await app.register(proxy, { upstream: backend.url, retry: { replayLimit: 1_000 } })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => { received = Buffer.concat([received, chunk]) })
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    socket.write(frame(4, 0, Buffer.alloc(0), 0))
    socket.write(frame(HEADERS, END_HEADERS, fields({ ':method': 'POST', ':scheme': 'http', ':path': '/', ':authority': 'x', 'content-length': '1000000' })))
    for (let sent = 0; sent < upload / 2; sent += 10_000) socket.write(frame(DATA, 0, Buffer.alloc(10_000)))
    await until(() => endsIn(received).some(end => end.startsWith('reset')))
    t.same(endsIn(received), ['end', 'reset 0'])
  })
}
