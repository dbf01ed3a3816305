import type { FastifyReply, FastifyRequest } from 'fastify'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import { giveHeaders, metHeaders } from '../../src/forward/reply-headers.js'
import type { RawResponse } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'
import { handshake } from '../../testing/websocket.js'

type Put = (reply: FastifyReply) => void
type Fields = [name: string, value: string][]

const COOKIES: Fields = [['Set-Cookie', 'b=2'], ['Set-Cookie', 'c=3']]
const onResponse = (_request: FastifyRequest, reply: FastifyReply, { stream }: { stream: unknown }): void => { reply.send(stream) }
/** Every way in which a response can reach its client. */
const WAYS: [title: string, reply: { status?: number, body?: string, chunked?: boolean, length?: number }, route?: object, method?: string][] = [
  ['a short text', { body: '{"a":1}' }],
  ['a body of bytes', { body: 'x'.repeat(40_000) }],
  ['no body', {}],
  ['no content', { status: 204 }],
  ['an answer to HEAD', { body: 'xyz' }, undefined, 'HEAD'],
  ['a stream', { body: 'x'.repeat(400_000) }],
  ['onResponse', { body: 'xyz' }, { replyOptions: { onResponse } }]
]

async function answered (t: Test, put: Put, fields: Fields, way: typeof WAYS[number] = WAYS[0]!, onSend?: Put): Promise<RawResponse> {
  const [, { status = 200, body = '' }, route, method = 'GET'] = way
  const backend = await backendFor(t, (_request, connection) => connection.reply({ status, body, headers: [['Content-Type', 'application/json'], ...fields] }))
  const running = await gatewayFor(t, {
    routes: [{ upstream: backend.url, ...route } as ProxyOptions],
    before: app => {
      app.addHook('onRequest', async (_request, reply) => put(reply))
      if (onSend !== undefined) app.addHook('onSend', async (_request, reply) => onSend(reply))
    }
  })
  const client = await clientFor(t, running)
  client.write(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
  return client.response({ head: method === 'HEAD' })
}

for (const way of WAYS) {
  t.test(`Vary and Set-Cookie of the app and of the backend both go out: ${way[0]}`, async t => {
    const response = await answered(t, reply => {
      reply.header('vary', 'Origin').header('set-cookie', 'a=1').header('x-both', 'app').header('x-app', '1')
    }, [['Vary', 'Accept-Encoding'], ['vary', 'origin, Accept'], ...COOKIES, ['X-Both', 'backend']], way)
    t.strictSame(response.headerAll('vary').map(value => value.toLowerCase()), ['origin, accept-encoding, accept'])
    t.strictSame(response.headerAll('set-cookie'), ['a=1', 'b=2', 'c=3'])
    t.strictSame(response.headerAll('x-both'), ['backend'], 'any other name is the backend\'s')
    t.equal(response.header('x-app'), '1')
  })
}

t.test('headers set on node\'s response beneath the reply count too', async t => {
  const response = await answered(t, ({ raw }) => {
    raw.setHeader('Vary', ['Origin', 'Cookie'])
    raw.setHeader('Set-Cookie', ['a=1', 'z=9'])
  }, [['Vary', 'Accept'], ...COOKIES])
  t.strictSame(response.headerAll('vary'), ['Origin, Cookie, Accept'])
  t.strictSame(response.headerAll('set-cookie'), ['a=1', 'z=9', 'b=2', 'c=3'])
})

t.test('a header that only the app or only the backend has is sent unchanged', async t => {
  const app = await answered(t, reply => { reply.header('vary', 'Origin').header('set-cookie', ['a=1', 'z=9']) }, [])
  t.strictSame([app.headerAll('vary'), app.headerAll('set-cookie')], [['Origin'], ['a=1', 'z=9']])
  const backend = await answered(t, () => {}, [['Vary', 'Accept'], ...COOKIES])
  t.strictSame([backend.headerAll('vary'), backend.headerAll('set-cookie')], [['Accept'], ['b=2', 'c=3']])
})

t.test('an asterisk in Vary replaces all other values', async t => {
  for (const [app, backend] of [['*', 'Accept'], ['Origin', '*'], ['Origin', 'Accept, *']]) {
    t.strictSame((await answered(t, reply => { reply.header('vary', app) }, [['Vary', backend!]])).headerAll('vary'), ['*'])
  }
})

t.test('a hook that runs after the response has come sees both headers and decides', async t => {
  const response = await answered(t, reply => { reply.header('vary', 'Origin').header('x-both', 'app') }, [['Vary', 'Accept'], ['X-Both', 'backend']], WAYS[0], reply => {
    t.equal(reply.getHeader('vary'), 'Origin, Accept', 'it sees what the two say together')
    reply.header('vary', 'Cookie').header('x-both', 'hook')
  })
  t.equal(response.header('vary'), 'Cookie')
  t.equal(response.header('x-both'), 'hook')
})

t.test('a 101 has the headers of the app and of the backend', async t => {
  const backend = await backendFor(t, (_request, connection) => {
    connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nVary: Accept\r\nSet-Cookie: b=2\r\nSet-Cookie: c=3\r\nX-Both: backend\r\n\r\n')
    connection.takeOver()
  })
  const running = await gatewayFor(t, {
    routes: [{ upstream: backend.url, prefix: '/live', websocket: true }],
    before: app => {
      app.addHook('onRequest', async (_request, reply) => { reply.header('vary', 'Origin').header('set-cookie', 'a=1').header('x-both', 'app') })
    }
  })
  const client = await clientFor(t, running)
  client.write(handshake('/live'))
  const response = await client.response()
  t.equal(response.status, 101)
  t.strictSame(response.headerAll('vary'), ['Origin, Accept'])
  t.strictSame(response.headerAll('set-cookie'), ['a=1', 'b=2', 'c=3'])
  t.strictSame(response.headerAll('x-both'), ['backend'])
})

t.test('response hooks of the route get only the backend\'s headers', async t => {
  const given = { vary: 'Accept', 'set-cookie': ['b=2'] }
  const reply = { vary: 'Origin', 'set-cookie': 'a=1' } as Record<string, string>
  const met = metHeaders({ getHeader: name => reply[name], removeHeader: () => {}, raw: { getHeader: () => undefined } }, given)
  t.strictSame(given, { vary: 'Accept', 'set-cookie': ['b=2'] })
  t.strictSame({ ...met }, { vary: 'Origin, Accept', 'set-cookie': ['a=1', 'b=2'] })
})

t.test('an onSend hook changes only its own reply\'s headers, even if rewriteHeaders returns one object for all', async t => {
  const shared = { 'content-type': 'application/json', 'x-shared': '1' }
  const way: typeof WAYS[number] = ['shared', { body: '{"a":1}' }, { replyOptions: { rewriteHeaders: () => shared } }]
  const response = await answered(t, () => {}, [], way, reply => { reply.header('x-hook', '2').removeHeader('x-shared') })
  t.equal(response.header('x-hook'), '2')
  t.equal(response.header('x-shared'), undefined)
  t.strictSame(shared, { 'content-type': 'application/json', 'x-shared': '1' })
})

t.test('an onSend hook sees the backend\'s headers, and its changes are sent', async t => {
  let seen: unknown
  const response = await answered(t, () => {}, [['X-A', '1'], ['X-B', '2'], ...COOKIES], WAYS[0], reply => {
    seen = reply.getHeaders()['x-a']
    reply.header('X-B', '3').header('set-cookie', 'd=4').removeHeader('x-a')
  })
  t.equal(seen, '1')
  t.equal(response.header('x-a'), undefined)
  t.equal(response.header('x-b'), '3')
  t.strictSame(response.headerAll('set-cookie'), ['b=2', 'c=3', 'd=4'])
})

t.test('Fastify keeps a reply\'s headers in a record that can be replaced while the reply has none', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/bare', (_request, reply) => {
    const given = giveHeaders(reply, { 'x-a': '1' })
    reply.header('x-given', String(given)).send('')
  })
  app.get('/set', (_request, reply) => {
    reply.header('x-a', '0')
    const given = giveHeaders(reply, { 'x-a': '1' })
    reply.header('x-given', String(given)).send('')
  })
  const bare = await app.inject('/bare')
  t.match(bare.headers, { 'x-a': '1', 'x-given': 'true' }, 'Fastify has another place for them: each response is dearer by a copy')
  const set = await app.inject('/set')
  t.match(set.headers, { 'x-a': '0', 'x-given': 'false' })
})
