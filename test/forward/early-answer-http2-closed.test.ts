// Regression: an upload that was refused with 413, and had arrived in full when its answer was sent, kept its HTTP/2 stream. Both sides
// were closed, and the gateway waited for the server's side on a session that had forgotten the stream. On Node 24, in half of all cases.
import { once } from 'node:events'
import { connect } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { gateway, proxy } from '../../src/index.js'
import { persistent } from '../../testing/behaviours.js'
import { backendFor, until } from '../../testing/gateway.js'

const UPLOADS = 40

t.test('an upload that arrives in full after its early answer keeps no stream open', async t => {
  const backend = await backendFor(t, persistent())
  const app = Fastify({ http2: true } as object) as unknown as FastifyInstance
  t.teardown(() => app.close())
  const streams = new Set<ServerHttp2Stream>()
  app.server.on('stream', (stream: ServerHttp2Stream) => {
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
  })
  await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
  await app.register(proxy, { upstream: backend.url, bodyLimit: 110 })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.destroy())
  for (let n = 0; n < UPLOADS; n++) {
    const stream = session.request({ ':path': '/', ':method': 'POST' }).on('error', () => {})
    stream.write('x'.repeat(100))
    await until(() => streams.size > 0)
    stream.end('x'.repeat(200_000))
    const [headers] = await once(stream, 'response') as [Record<string, unknown>]
    t.equal(headers[':status'], 413)
    stream.resume()
    await until(() => streams.size === 0, 'no stream is left')
  }
})
