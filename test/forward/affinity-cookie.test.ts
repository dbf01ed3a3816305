import { connect as connectHttp2 } from 'node:http2'
import type { IncomingHttpHeaders } from 'node:http'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import type { ProxyOptions } from '../../src/index.js'
import type { BackendScript } from '../../testing/backend.js'
import { certificates } from '../../testing/certificates.js'
import { request } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'
import type { GatewaySetup, RunningGateway } from '../../testing/gateway.js'
import { handshake, refusal, webSocketBackend } from '../../testing/websocket.js'

const SECRET = 'a secret of the tests, 32 bytes...'
const BOND = 'at=*; Path=/; HttpOnly; SameSite=Lax'
const SECURE = `${BOND}; Secure`

/** Options of a route to two endpoints, the second of which never gets a request unless the first is gone. */
function boundTo (url: string): ProxyOptions {
  return { upstream: [url, { url: 'http://127.0.0.1:1', priority: 1 }], affinity: { cookie: 'at', secret: SECRET } }
}

async function between (t: Test, script: BackendScript, route: ProxyOptions = {}, setup: GatewaySetup = {}): Promise<RunningGateway> {
  const backend = await backendFor(t, script)
  return await gatewayFor(t, { ...setup, routes: [{ ...boundTo(backend.url), ...route }] })
}

/** An app of another kind than `gatewayFor` makes. */
async function behind (t: Test, app: FastifyInstance, script: BackendScript): Promise<string> {
  const backend = await backendFor(t, script)
  t.teardown(() => app.close())
  await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
  await app.register(proxy, boundTo(backend.url))
  return await app.listen({ port: 0, host: '127.0.0.1' })
}

/** The cookies that a response sets, without the sealed value. */
function cookies ({ headers }: { headers: IncomingHttpHeaders }): string[] | undefined {
  return headers['set-cookie']?.map(line => line.replace(/^at=[\w.~-]+/, 'at=*'))
}

t.test('the cookie goes out with responses that come whole, and with those that stream, on paths of both ways', async t => {
  const { url } = await between(t, (request, connection) => {
    if (request.path.endsWith('stream')) {
      connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
      setImmediate(() => connection.write('0\r\n\r\n'))
    } else if (request.path.endsWith('204')) connection.reply({ status: 204 })
    else connection.reply({ body: 'text', headers: { 'Content-Type': 'text/plain' } })
  })
  // A path with an escape is no plain path, and takes http-proxy's way.
  for (const path of ['/', '/stream', '/204', '/%20', '/%20stream']) t.strictSame(cookies(await request(url + path)), [BOND], path)
  t.strictSame(cookies(await request(url, { method: 'HEAD' })), [BOND])
  t.strictSame(cookies(await request(url, { method: 'POST', body: 'text' })), [BOND])
})

t.test('the cookie is added behind the backend\'s Set-Cookie lines and the app\'s', async t => {
  const script: BackendScript = (request, connection) => connection.reply({ headers: { 'Set-Cookie': request.path === '/one' ? 'b=1' : ['b=1', 'c=2'] } })
  const plain = await between(t, script)
  t.strictSame(cookies(await request(`${plain.url}/one`)), ['b=1', BOND])
  t.strictSame(cookies(await request(plain.url)), ['b=1', 'c=2', BOND])
  const hooked = await between(t, script, {}, {
    before: app => { app.addHook('onRequest', async (_request, reply) => { reply.header('set-cookie', 'a=0') }) }
  })
  t.strictSame(cookies(await request(hooked.url)), ['a=0', 'b=1', 'c=2', BOND])
})

t.test('a response that a shared cache may store keeps its Cache-Control', async t => {
  const { url } = await between(t, (_request, connection) => connection.reply({ headers: { 'Cache-Control': 'public, max-age=60' } }))
  const response = await request(url)
  t.strictSame(cookies(response), [BOND])
  t.equal(response.headers['cache-control'], 'public, max-age=60')
})

t.test('headers that the app rewrites get the cookie, and an object of the app\'s does not keep it', async t => {
  const own = { 'Set-Cookie': 'a=0', 'x-own': '1' }
  const { url } = await between(t, (_request, connection) => connection.reply(), { replyOptions: { rewriteHeaders: () => own } })
  for (let i = 0; i < 2; i++) {
    const { headers } = await request(url)
    t.strictSame(cookies({ headers }), ['a=0', BOND])
    t.equal(headers['x-own'], '1')
  }
  t.strictSame(own, { 'Set-Cookie': 'a=0', 'x-own': '1' })
})

t.test('an onResponse of the app\'s that sends the response sends the cookie', async t => {
  const { url } = await between(t, (_request, connection) => connection.reply({ body: 'text' }), {
    replyOptions: { onResponse: (_request, reply, response) => { reply.send((response as unknown as { stream: unknown }).stream) } }
  })
  t.strictSame(cookies(await request(url)), [BOND])
})

t.test('an answer of the gateway\'s own has no cookie', async t => {
  const lost = await between(t, (_request, connection) => connection.end())
  const { status, headers } = await request(lost.url)
  t.equal(status, 502)
  t.notOk('set-cookie' in headers)
  const late = await between(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab')
    setImmediate(() => connection.end())
  }, {}, {
    before: app => {
      app.addHook('onSend', async (_request, _reply, payload: AsyncIterable<Buffer>) => {
        let body = ''
        if (typeof payload === 'string') return payload
        for await (const chunk of payload) body += String(chunk)
        return body
      })
    }
  })
  const failed = await request(late.url)
  t.equal(failed.status, 502)
  t.notOk('set-cookie' in failed.headers)
})

t.test('a client that has the cookie gets no other, and a forged one is ignored', async t => {
  const { url } = await between(t, (_request, connection) => connection.reply({ headers: { 'Set-Cookie': 'b=1' } }))
  const [, bond] = (await request(url)).headers['set-cookie']!
  const cookie = bond!.split(';')[0]!
  t.strictSame(cookies(await request(url, { headers: { cookie: `c=2; ${cookie}` } })), ['b=1'])
  t.strictSame(cookies(await request(url, { headers: { cookie: `${cookie}x` } })), ['b=1', BOND])
})

t.test('a 101 carries the cookie, and so does the answer of a backend that refuses the upgrade', async t => {
  const accepting = await webSocketBackend(t)
  const running = await gatewayFor(t, { routes: [{ ...boundTo(accepting.url), websocket: true }] })
  const client = await clientFor(t, running)
  client.write(handshake('/live'))
  const response = await client.response()
  t.equal(response.status, 101)
  t.equal(response.header('set-cookie')?.replace(/^at=[\w.~-]+/, 'at=*'), BOND)
  const refusing = await webSocketBackend(t, { onUpgrade: (_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n') })
  const behindIt = await gatewayFor(t, { routes: [{ ...boundTo(refusing.url), websocket: true }] })
  const { status, headers } = await refusal(t, `${behindIt.url}/live`)
  t.equal(status, 403)
  t.strictSame(cookies({ headers }), [BOND])
})

t.test('the cookie is Secure for a client that came over TLS, or whose trusted proxy says so', async t => {
  const { server, ca } = certificates()
  const script: BackendScript = (_request, connection) => connection.reply()
  const url = await behind(t, Fastify({ https: server }) as unknown as FastifyInstance, script)
  t.strictSame(cookies(await request(url, { tls: { ca } })), [SECURE])

  const headers = { 'x-forwarded-proto': 'https' }
  const trusting = await between(t, script, {}, { fastify: { trustProxy: true } })
  t.strictSame(cookies(await request(trusting.url, { headers })), [SECURE])
  t.strictSame(cookies(await request(trusting.url)), [BOND])
  const wary = await between(t, script)
  t.strictSame(cookies(await request(wary.url, { headers })), [BOND])
})

t.test('an HTTP/2 client gets the cookie as a line of its own', async t => {
  const { server, ca } = certificates()
  const url = await behind(t, Fastify({ http2: true, https: server }) as unknown as FastifyInstance,
    (_request, connection) => connection.reply({ headers: { 'Set-Cookie': ['b=1', 'c=2'] } }))
  const session = connectHttp2(url, { ca })
  t.teardown(() => session.destroy())
  const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
    session.request({ ':path': '/' }).on('error', reject).on('response', resolve).resume().end()
  })
  t.strictSame(cookies({ headers }), ['b=1', 'c=2', SECURE])
})

t.test('nothing is read of a client\'s request for a target of one endpoint', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const { url } = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: app => {
      app.addHook('onRequest', async request => {
        Object.defineProperty(request, 'ip', { get () { throw new Error('read') } })
      })
    }
  })
  t.equal((await request(url)).status, 200)
})
