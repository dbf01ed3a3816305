// Regression: two lines of a header that HTTP/2 allows once, such as ETag or Location, ended the process for an HTTP/2 client, since node
// throws when it writes the head.
import { EventEmitter, once } from 'node:events'
import { connect, type IncomingHttpHeaders } from 'node:http2'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { gateway, proxy } from '../../src/index.js'
import { backendFor } from '../../testing/gateway.js'

const TWICE = 'ETag: "a"\r\nETag: "b"\r\nAge: 1\r\nAge: 2\r\nX-Two: 1\r\nX-Two: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n'

for (const streams of [false, true]) {
  t.test(`headers that a backend repeats reach an HTTP/2 client in one line each, of a response that ${streams ? 'streams' : 'comes whole'}`, async t => {
    const head = new EventEmitter()
    const backend = await backendFor(t, async (_request, connection) => {
      connection.write(`HTTP/1.1 200 OK\r\n${TWICE}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n${streams ? '' : 'hello'}`)
      if (!streams) return
      await once(head, 'relayed')
      connection.write('hello')
    })
    const app = Fastify({ http2: true } as object) as unknown as FastifyInstance
    t.teardown(() => app.close())
    await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
    await app.register(proxy, { upstream: backend.url })
    const session = connect(await app.listen({ port: 0, host: '127.0.0.1' }))
    t.teardown(() => session.destroy())
    const stream = session.request({ ':path': '/' })
    const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => stream.once('response', resolve).once('error', reject))
    head.emit('relayed')
    let body = ''
    for await (const chunk of stream.setEncoding('utf8')) body += chunk
    t.match(headers, { ':status': 200, etag: '"a", "b"', age: '1, 2', 'x-two': '1, 2', 'set-cookie': ['a=1', 'b=2'] })
    t.equal(body, 'hello')
  })
}
