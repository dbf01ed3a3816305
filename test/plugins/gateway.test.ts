import { connect } from 'node:http2'
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import t, { type Test } from 'tap'
import { gateway, getGateway, proxy } from '../../src/index.js'
import type { Backend, RequestScript } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'

const UPSTREAM = 'http://127.0.0.1:9'

function emptyApp (t: { teardown (close: () => Promise<unknown>): void }): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  return app
}

t.test('a gateway after a proxy is refused, with the right order', async t => {
  const app = emptyApp(t)
  await app.register(proxy, { upstream: UPSTREAM })
  await t.rejects(async () => await app.register(gateway), { code: 'HOLDFAST_ERR_OPTION', message: /before the first proxy/ })
})

t.test('a second gateway is refused', async t => {
  const app = emptyApp(t)
  await app.register(gateway)
  await t.rejects(async () => await app.register(gateway, { maxHops: 3 }), { code: 'HOLDFAST_ERR_OPTION', message: /twice/ })
})

t.test('a second gateway in a child scope is refused too, since the app is one', async t => {
  const app = emptyApp(t)
  await app.register(gateway)
  await t.rejects(async () => await app.register(async child => { await child.register(gateway) }), { code: 'HOLDFAST_ERR_OPTION', message: /twice/ })
})

t.test('the gateway\'s options hold for its routes, which may override them', async t => {
  const { gateway } = await gatewayFor(t, {
    gateway: { undiciOptions: { connections: 7 } },
    routes: [{ upstream: UPSTREAM, prefix: '/a' }, { upstream: UPSTREAM, prefix: '/b', undiciOptions: { connections: 8 }, target: 'b' }]
  })
  t.equal(gateway.targets.get(UPSTREAM)?.snapshot().limits.undiciOptions.connections, 7)
  t.equal(gateway.targets.get('b')?.snapshot().limits.undiciOptions.connections, 8)
  t.strictSame([...gateway.targets].map(({ name }) => name), [UPSTREAM, 'b'])
})

t.test('getGateway returns app.gateway in every scope', async t => {
  const app = emptyApp(t)
  t.throws(() => getGateway(app), { code: 'HOLDFAST_ERR_OPTION', message: /register the gateway plugin/ })
  await app.register(gateway)
  t.equal(getGateway(app), app.gateway)
  await app.register(async child => {
    t.equal(getGateway(child), app.gateway)
    t.equal(child.gateway, app.gateway)
  }, { prefix: '/child' })
})

t.test('a proxy works without a gateway, with the defaults', async t => {
  const backend = await backendFor(t, persistent())
  const { app, url, target, gateway } = await gatewayFor(t, { gateway: false, routes: [{ upstream: backend.url }] })
  t.equal((await request(url)).status, 200)
  t.equal(app.gateway, undefined)
  t.equal(target.snapshot().limits.undiciOptions.connections, 128)
  await gateway.drain()
  await backend.waitFor(({ open }) => open === 0)
})

t.test('two apps in a process share nothing', async t => {
  const backend = await backendFor(t, persistent())
  const routes = [{ upstream: backend.url }]
  const one = await gatewayFor(t, { gateway: { maxHops: 1 }, routes })
  const two = await gatewayFor(t, { gateway: { undiciOptions: { connections: 1 } }, routes })
  t.not(one.gateway, two.gateway)
  t.not(one.target, two.target)
  await request(one.url)
  t.equal(backend.accepted, 1)
  t.equal(two.target.snapshot().totals.requests, 0)
  await request(two.url)
  t.equal(backend.accepted, 2, 'not even a connection')
  t.strictSame([one, two].map(({ target }) => target.snapshot().limits.undiciOptions.connections), [128, 1])
  await one.app.close()
  t.equal((await request(two.url)).status, 200, 'the end of one is not the end of the other')
  t.equal(backend.accepted, 2)
})

t.test('closing the app closes its connections', async t => {
  const backend = await backendFor(t, persistent())
  const { app, url } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  await request(url)
  t.equal(backend.open, 1)
  await app.close()
  await backend.waitFor(({ open }) => open === 0)
})

t.test('proxied routes work under inject()', async t => {
  const backend = await backendFor(t, ({ method, path, body }, connection) => connection.reply({ status: 201, headers: { 'X-A': '1' }, body: `${method} ${path} ${body.toString()}` }))
  const { app, target } = await gatewayFor(t, { routes: [{ upstream: backend.url, prefix: '/api' }] })
  const got = await app.inject('/api/users?a=1')
  t.equal(got.statusCode, 201)
  t.equal(got.headers['x-a'], '1')
  t.equal(got.body, 'GET /users?a=1 ')
  const posted = await app.inject({ method: 'POST', url: '/api/users', payload: { name: 'x' } })
  t.equal(posted.body, 'POST /users {"name":"x"}')
  t.equal(backend.accepted, 1)
  t.equal(target.snapshot().connections.active, 0)
})

async function behindHttp2 (t: Test, script: RequestScript): Promise<{ backend: Backend, session: ClientHttp2Session }> {
  const backend = await backendFor(t, script)
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  // The types of plugins have HTTP/1 servers only.
  await app.register(gateway as unknown as FastifyPluginCallback)
  await app.register(proxy as unknown as FastifyPluginCallback<{ upstream: string }>, { upstream: backend.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.destroy())
  return { backend, session }
}

async function send (session: ClientHttp2Session, headers: OutgoingHttpHeaders, sent: string): Promise<{ headers: IncomingHttpHeaders, body: string }> {
  const stream = session.request({ ':path': '/x?y', ...headers }, { endStream: sent === '' })
  if (sent !== '') stream.end(sent)
  const received = await new Promise<IncomingHttpHeaders>((resolve, reject) => stream.once('response', resolve).once('error', reject))
  let body = ''
  for await (const chunk of stream) body += String(chunk)
  return { headers: received, body }
}

t.test('proxied routes work behind an HTTP/2 front end', async t => {
  const { backend, session } = await behindHttp2(t, ({ method, path, body, header }, connection) => connection.reply({
    headers: [['Connection', 'keep-alive'], ['Keep-Alive', 'timeout=5'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']],
    body: `${method} ${path} ${body.toString()} ${header('x-forwarded-proto') ?? ''}`
  }))
  const requests: [headers: OutgoingHttpHeaders, sent: string][] = [
    [{ ':method': 'GET' }, ''],
    [{ ':method': 'POST', 'content-type': 'text/plain' }, 'hello'],
    [{ ':method': 'POST', 'content-length': '5' }, 'hello']
  ]
  for (const [outgoing, sent] of requests) {
    const { headers, body } = await send(session, outgoing, sent)
    t.equal(headers[':status'], 200)
    t.strictSame(headers['set-cookie'], ['a=1', 'b=2'])
    t.notHas(headers, 'connection')
    t.notHas(headers, 'keep-alive')
    t.equal(body, `${String(outgoing[':method'])} /x?y ${sent} http`)
  }
  t.equal(backend.accepted, 1)
  t.strictSame(backend.malformed, [])
})

t.test('an HTTP/2 request need not say that it has a body', async t => {
  const { session } = await behindHttp2(t, ({ body }, connection) => connection.reply({ body }))
  const { headers, body } = await send(session, { ':method': 'POST' }, 'hello')
  t.equal(headers[':status'], 200)
  t.equal(body, 'hello')
})
