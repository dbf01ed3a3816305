import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import type { ProxyOptions } from '../../src/index.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import type { RawClient } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'

const echo: BackendScript = ({ body, header }, connection) => connection.reply({ body: JSON.stringify({ body: body.toString(), expect: header('expect') }) })
const post = (length: number, path = '/', version = '1.1'): string => `POST ${path} HTTP/${version}\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`

async function between (t: Test, route: ProxyOptions = {}): Promise<{ backend: Backend, client: RawClient }> {
  const backend = await backendFor(t, echo)
  const running = await gatewayFor(t, {
    routes: [{ upstream: backend.url, ...route }],
    before: app => { app.post('/own', request => request.body) }
  })
  return { backend, client: await clientFor(t, running) }
}

t.test('100 is sent when the body is about to be read, and the request is forwarded without Expect', async t => {
  const { client } = await between(t)
  for (let i = 0; i < 2; i++) {
    client.write(post(5))
    t.equal((await client.response()).status, 100)
    client.write('hello')
    const { status, body } = await client.response()
    t.equal(status, 200)
    t.strictSame(JSON.parse(body.toString()), { body: 'hello' })
  }
  t.equal(client.unread.length, 0)
})

t.test('a preHandler that refuses answers in place of the 100, and the connection is closed', async t => {
  const { backend, client } = await between(t, { preHandler: (_request, reply) => { reply.code(401).send() } })
  client.write(post(5))
  const { status, header } = await client.response()
  t.strictSame([status, header('connection')], [401, 'close'])
  await client.ended
  t.equal(backend.accepted, 0)
})

t.test('a body limit answers in place of the 100', async t => {
  const { backend, client } = await between(t, { bodyLimit: 3 })
  client.write(post(5))
  t.equal((await client.response()).status, 413)
  await client.ended
  t.equal(client.unread.length, 0)
  t.equal(backend.accepted, 0)
})

t.test('a route of the app sends 100 when its parser reads', async t => {
  const { client } = await between(t)
  client.write(post(5, '/own').replace('\r\n', '\r\nContent-Type: text/plain\r\n'))
  t.equal((await client.response()).status, 100)
  client.write('hello')
  t.equal((await client.response()).body.toString(), 'hello')
})

t.test('an HTTP/1.0 client gets no 100', async t => {
  const { client } = await between(t)
  client.write(`${post(5, '/', '1.0')}hello`)
  t.equal((await client.response()).status, 200)
})

t.test('a request without a body is forwarded at once, and the connection is kept', async t => {
  const { client } = await between(t)
  for (let i = 0; i < 2; i++) {
    client.write('GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n')
    t.equal((await client.response()).status, 100)
    t.equal((await client.response()).status, 200)
  }
})

t.test('the 100 for a pipelined request comes after the answers before it', async t => {
  const { client } = await between(t)
  client.write(`${post(0, '/', '1.1').replace('Expect: 100-continue\r\n', '')}${post(5)}`)
  t.equal((await client.response()).status, 200)
  t.equal((await client.response()).status, 100)
  client.write('hello')
  t.match(JSON.parse((await client.response()).body.toString()), { body: 'hello' })
})

t.test('an app\'s own checkContinue listener is still called', async t => {
  const backend = await backendFor(t, echo)
  const running = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: app => {
      app.server.on('checkContinue', (_request, response) => {
        response.writeHead(403, { 'content-length': '0' })
        response.end()
      })
    }
  })
  const client = await clientFor(t, running)
  client.write(post(5))
  t.equal((await client.response()).status, 403)
})

t.test('over HTTP/2 a 100 is sent too', async t => {
  const backend = await backendFor(t, echo)
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(gateway, { drain: { deadline: 200 }, pressure: false })
  await app.register(proxy, { upstream: backend.url, prefix: '/open' })
  await app.register(proxy, { upstream: backend.url, prefix: '/limited', bodyLimit: 3 })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.destroy())
  const open = session.request({ ':method': 'POST', ':path': '/open', expect: '100-continue', 'content-length': '5' })
  const answered = once(open, 'response') as Promise<[{ ':status': number }]>
  await once(open, 'continue')
  open.end('hello')
  t.match(await answered, [{ ':status': 200 }])
  const limited = session.request({ ':method': 'POST', ':path': '/limited', expect: '100-continue', 'content-length': '5' })
  limited.on('continue', () => t.fail('it was asked for the body'))
  t.match(await once(limited, 'response'), [{ ':status': 413 }])
  limited.close()
})
