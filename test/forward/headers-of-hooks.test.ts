import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import type { ProxyOptions } from '../../src/index.js'
import type { BackendRequest } from '../../testing/backend.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'
import { handshake, tunnelFor } from '../../testing/websocket.js'

type Hook = (request: FastifyRequest) => void
const STAGES = ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const

/** Sends a request as these bytes, and returns what the backend got. */
async function got (t: Test, lines: string, before: (app: FastifyInstance) => void, route: ProxyOptions = {}, trustProxy = false): Promise<BackendRequest> {
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { log: true })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, ...route }], before, fastify: { trustProxy } })
  const client = await clientFor(t, running)
  client.write(Buffer.from(lines.startsWith('POST') ? lines : `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, 'latin1'))
  t.equal((await client.response()).status, 200)
  return backend.log[0]!
}

const at = (stage: typeof STAGES[number], hook: Hook) => (app: FastifyInstance): void => {
  app.addHook(stage as 'onRequest', async request => hook(request))
}

const linesOf = ({ rawHeaders }: BackendRequest, pattern: RegExp): string[] => rawHeaders.filter(([name]) => pattern.test(name)).map(([name, value]) => `${name}: ${value}`)

for (const stage of STAGES) {
  t.test(`headers that a hook of ${stage} sets, replaces and deletes are forwarded that way`, async t => {
    const client = 'X-User-Id: admin\r\nX-First: 1\r\nX-user-id: root\r\nAuthorization: Bearer stolen\r\nCookie: session=1; theme=dark\r\nX-Last: 2\r\n'
    const request = await got(t, client, at(stage, ({ headers, raw }) => {
      headers['x-user-id'] = 'bob'
      delete raw.headers.authorization
      headers.cookie = 'theme=dark'
      headers['x-added'] = ['1', '2']
      headers['X-Tenant'] = 'acme'
    }))
    t.strictSame(linesOf(request, /^(x-(user|first|last|added|tenant)|authorization|cookie)/i),
      ['X-User-Id: bob', 'X-First: 1', 'Cookie: theme=dark', 'X-Last: 2', 'x-added: 1', 'x-added: 2', 'X-Tenant: acme'])
  })
}

t.test('a hook\'s own headers object is forwarded', async t => {
  const replaced = await got(t, 'X-User-Id: admin\r\nX-Other: 1\r\n', at('onRequest', ({ raw }) => { raw.headers = { host: 'a', 'x-user-id': 'bob' } }))
  t.strictSame(linesOf(replaced, /^x-(user|other)/i), ['X-User-Id: bob'])
  // Fastify merges such an object over the headers.
  const laid = await got(t, 'X-User-Id: admin\r\nX-Other: 1\r\n', at('preHandler', request => { request.headers = { 'x-user-id': 'bob', 'x-new': 'n' } }))
  t.strictSame(linesOf(laid, /^x-(user|other|new)/i), ['X-User-Id: bob', 'X-Other: 1', 'x-new: n'])
})

t.test('without a hook every header line keeps its bytes, case, order and number', async t => {
  const lines = ['X-A: 1', 'x-b: b\xe9', 'X-A: 2', 'Authorization: one', 'AUTHORIZATION: two', 'COOKIE: a=1', 'Set-Cookie: x', '7: seven', 'X-Empty: ', 'X-End: 1']
  const request = await got(t, `${lines.join('\r\n')}\r\n`, () => {})
  t.strictSame(linesOf(request, /^(x-(a|b|e.*)|authorization|cookie|set-cookie|7)/i), lines)
})

t.test('a client\'s Connection cannot remove a hook\'s header, and hop-by-hop names are not forwarded', async t => {
  const request = await got(t, 'Connection: x-user-id, x-hop\r\nX-User-Id: admin\r\nX-Hop: 1\r\nX-Other: 1\r\n', at('onRequest', ({ headers }) => {
    headers['x-user-id'] = 'bob'
    delete headers.connection
    headers['te'] = 'trailers'
    headers['transfer-encoding'] = 'chunked'
    headers['host'] = 'elsewhere.example'
  }))
  t.strictSame(linesOf(request, /^x-(user|hop|other)/i), ['X-User-Id: bob', 'X-Other: 1'])
  t.strictSame(linesOf(request, /^(te|transfer-encoding)$/i), [])
  t.notMatch(request.header('host'), /elsewhere/)
})

t.test('X-Forwarded-* from a hook is sent unchanged; if a hook deletes it, the gateway sends its own without the client\'s part', async t => {
  const client = 'X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 203.0.113.9\r\nVia: 1.0 fred\r\n'
  const set = await got(t, client, at('onRequest', ({ headers }) => {
    headers['x-forwarded-for'] = '198.51.100.7'
    headers['x-forwarded-proto'] = 'https'
    headers['x-forwarded-port'] = '443'
    headers['x-real-ip'] = '198.51.100.7'
    headers['via'] = '1.0 ours'
  }))
  t.strictSame(linesOf(set, /^(x-(forwarded-(for|proto|port)|real-ip)|via)$/i),
    ['X-Forwarded-For: 198.51.100.7', 'X-Forwarded-Port: 443', 'X-Real-IP: 198.51.100.7', 'x-forwarded-proto: https', 'via: 1.0 ours, 1.1 holdfast'])
  const deleted = await got(t, client, at('onRequest', ({ headers }) => { delete headers['x-forwarded-for'] }), {}, true)
  t.equal(deleted.header('x-forwarded-for'), '127.0.0.1')
  t.equal(deleted.header('x-forwarded-port'), '1', 'the peer is trusted all the same')
})

t.test('an odd Content-Type is forwarded unchanged, unless a hook changes it', async t => {
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: odd\r\nContent-Length: 2\r\n\r\nhi'
  const kept = await got(t, post, at('preHandler', ({ headers }) => { headers['x-seen'] = '1' }))
  t.strictSame(linesOf(kept, /^(content-type|x-seen)$/i), ['Content-Type: odd', 'x-seen: 1'])
  t.equal(kept.body.toString(), 'hi')
  const set = await got(t, post, at('preHandler', ({ headers }) => { headers['content-type'] = 'text/x-own' }))
  t.strictSame(linesOf(set, /^content-type$/i), ['Content-Type: text/x-own'])
  const deleted = await got(t, post, at('preHandler', ({ headers }) => { delete headers['content-type'] }))
  t.strictSame(linesOf(deleted, /^content-type$/i), [])
})

t.test('an odd Content-Type that a hook sets before the gateway\'s hook is forwarded', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { log: true })
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRequest', async ({ headers }) => { headers['content-type'] = 'text/csv;' })
  await app.register(proxy, { upstream: backend.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const type of ['Content-Type: text/plain\r\n', '']) {
    const client = await clientFor(t, { port: (app.server.address() as AddressInfo).port })
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${type}Content-Length: 2\r\n\r\nhi`)
    t.equal((await client.response()).status, 200)
    t.equal(backend.log.at(-1)!.header('content-type'), 'text/csv;')
  }
})

t.test('a client\'s header that a backend may read as a hook\'s header is not sent', async t => {
  const hook = at('onRequest', ({ headers }) => { headers['x-user-id'] = 'bob' })
  for (const client of ['', 'X-User-Id: bob\r\n', 'X-User-Id: admin\r\n']) {
    const request = await got(t, `${client}X_User_Id: admin\r\nx.user-id: admin\r\nx_other: 1\r\n`, hook)
    t.strictSame(linesOf(request, /^x.(user|other)/i).map(line => line.toLowerCase()).sort(), ['x-user-id: bob', 'x_other: 1'])
  }
})

t.test('rewriteRequestHeaders gets the headers as hooks left them', async t => {
  let given: Record<string, unknown> = {}
  const request = await got(t, 'X-User-Id: admin\r\nAuthorization: Bearer stolen\r\n', at('onRequest', ({ headers }) => {
    headers['x-user-id'] = 'bob'
    delete headers.authorization
  }), { replyOptions: { rewriteRequestHeaders: (_request: unknown, headers: Record<string, unknown>) => { given = headers; return headers } } } as ProxyOptions)
  t.match(given, { 'x-user-id': 'bob', authorization: undefined })
  t.strictSame(linesOf(request, /^(x-user-id|authorization)$/i), ['x-user-id: bob'])
})

t.test('reply.from in a handler of the app sends the headers as hooks left them', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { log: true })
  const running = await gatewayFor(t, {
    routes: [{ upstream: backend.url, prefix: '/api', preHandler: async (_request: FastifyRequest, reply: { from: (path: string) => unknown }) => { await reply.from('/own') } } as ProxyOptions],
    before: at('onRequest', ({ headers }) => {
      headers['x-user-id'] = 'bob'
      delete headers.authorization
    })
  })
  const client = await clientFor(t, running)
  client.write('GET /api/x HTTP/1.1\r\nHost: a\r\nX-User-Id: admin\r\nAuthorization: Bearer stolen\r\n\r\n')
  t.equal((await client.response()).status, 200)
  t.equal(backend.log[0]!.path, '/own')
  t.strictSame(linesOf(backend.log[0]!, /^(x-user-id|authorization)$/i), ['x-user-id: bob'])
})

t.test('a WebSocket request has the headers as hooks left them', async t => {
  const { backend, port } = await tunnelFor(t, {
    before: at('onRequest', ({ headers }) => {
      headers['x-user-id'] = 'bob'
      delete headers.authorization
    })
  })
  const client = await clientFor(t, { port })
  client.write(handshake('/live', 'X-User-Id: admin\r\nAuthorization: Bearer stolen\r\n'))
  t.equal((await client.response()).status, 101)
  t.match(backend.upgrades[0]!.headers, { 'x-user-id': 'bob', authorization: undefined })
})

t.test('over HTTP/2 hooks decide too, and pseudo-headers are not sent', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { log: true })
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  app.addHook('onRequest', async request => {
    request.headers['x-user-id'] = 'bob'
    delete request.headers.authorization
    request.headers[':authority'] = 'elsewhere.example'
  })
  await app.register(gateway as never, { pressure: false, drain: { deadline: 200 } } as never)
  await app.register(proxy as never, { upstream: backend.url } as never)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connectHttp2(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.destroy())
  const stream = session.request({ 'x-user-id': 'admin', authorization: 'Bearer stolen', cookie: ['a=1', 'b=2'], 'x-list': ['1', '2'] })
  await new Promise(resolve => stream.resume().once('end', resolve))
  t.strictSame(linesOf(backend.log[0]!, /^(x-(user-id|list)|authorization|cookie|:.*)$/i), ['x-user-id: bob', 'cookie: a=1; b=2', 'x-list: 1', 'x-list: 2'])
})

t.test('only an Idempotency-Key that reaches the backend allows a second attempt', async t => {
  let asked = 0
  const backend = await backendFor(t, ({ path }, connection) => {
    if (path === '/warm') return connection.reply()
    asked++
    connection.reset()
  })
  const running = await gatewayFor(t, {
    routes: [{ upstream: backend.url }],
    before: at('onRequest', ({ headers, url }) => { if (url === '/deleted') delete headers['idempotency-key'] })
  })
  const client = await clientFor(t, running)
  for (const [path, lines] of [['/deleted', ''], ['/nominated', 'Connection: idempotency-key\r\n']]) {
    client.write('GET /warm HTTP/1.1\r\nHost: a\r\n\r\n')
    t.equal((await client.response()).status, 200)
    asked = 0
    client.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nIdempotency-Key: 1\r\n${lines}Content-Length: 0\r\n\r\n`)
    t.equal((await client.response()).status, 502)
    t.equal(asked, 1, `${path}`)
  }
})

t.test('a hook that sets a header to the client\'s value has set it: the client\'s Connection and claims cannot remove it', async t => {
  const lines = 'Connection: keep-alive, X-User-Id, x-tenant\r\nX-User-Id: bob\r\nX-Tenant: acme\r\nX-Forwarded-User: bob\r\nX-Real-IP: 203.0.113.9\r\n'
  const hook = ({ headers }: FastifyRequest): void => {
    headers['x-user-id'] = 'bob'
    delete headers['x-forwarded-user']
    headers['x-forwarded-user'] = 'bob'
  }
  const sent = ['X-User-Id: bob', 'X-Forwarded-User: bob']
  const pattern = /^x-(user|tenant|real|forwarded-user)/i
  for (const stage of STAGES) t.strictSame(linesOf(await got(t, lines, at(stage, hook)), pattern), sent, stage)
  t.strictSame(linesOf(await got(t, lines, () => {}), pattern), [], 'without the hook')
  t.strictSame(linesOf(await got(t, lines, at('onRequest', request => { request.raw.headers = { ...request.raw.headers } })), pattern), [], 'a copy sets nothing')

  // Without the gateway plugin its hooks run after the app's.
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { log: true })
  const app = Fastify()
  t.teardown(() => app.close())
  at('onRequest', hook)(app)
  await app.register(proxy, { upstream: backend.url })
  await app.register(proxy, { upstream: backend.url, prefix: '/two' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = await clientFor(t, { port: (app.server.address() as AddressInfo).port })
  client.write(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)
  t.equal((await client.response()).status, 200)
  t.strictSame(linesOf(backend.log[0]!, pattern), sent)

  const { backend: behind, port } = await tunnelFor(t, { before: at('onRequest', hook) })
  const socket = await clientFor(t, { port })
  socket.write(handshake('/live', 'X-Forwarded-User: bob\r\n'))
  t.equal((await socket.response()).status, 101)
  t.equal(behind.upgrades[0]!.headers['x-forwarded-user'], 'bob')
})

t.test('rewriteRequestHeaders\' result is sent as lines: one for each value of an array, a number as text, none for null', async t => {
  const request = await got(t, 'X-Mine: 1\r\n', () => {}, {
    replyOptions: { rewriteRequestHeaders: (_request: unknown, headers: object) => ({ ...headers, 'x-list': ['a', 2], 'x-number': 7, 'x-yes': true, 'x-null': null, 'x-gone': undefined }) }
  } as unknown as ProxyOptions)
  t.same(linesOf(request, /^x-(?!forwarded)/), ['x-mine: 1', 'x-list: a', 'x-list: 2', 'x-number: 7', 'x-yes: true', 'x-null: '])
})

t.test('an invalid header is refused before the request is written, and its connection stays usable', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  let value: unknown = {}
  const { url } = await gatewayFor(t, {
    routes: [{ upstream: backend.url, replyOptions: { rewriteRequestHeaders: (_request: unknown, headers: object) => ({ ...headers, 'x-odd': value }) } } as unknown as ProxyOptions]
  })
  for (value of [{}, ['a', {}], 'a\r\nevil: b', '\u{1f600}']) {
    const response = await fetch(url)
    t.match([response.status, await response.json()], [500, { code: 'HOLDFAST_ERR_UNSENDABLE' }], JSON.stringify(value))
  }
  value = 'fine'
  t.equal((await fetch(url)).status, 200)
  t.equal(backend.accepted, 1)
})
