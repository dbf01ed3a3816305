import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Duplex, Readable } from 'node:stream'
import t from 'tap'
import type { Test } from 'tap'
import { Pool, WebSocket } from 'undici'
import { HoldfastError } from '../../src/index.js'
import type { ProxyOptions } from '../../src/index.js'
import { certificates } from '../../testing/certificates.js'
import { gatewayFor } from '../../testing/gateway.js'
import type { GatewaySetup, RunningGateway } from '../../testing/gateway.js'

/** The request that the backend got. */
interface Seen { method: string, url: string, headers: Record<string, string>, body: string }
type From = (source?: string, options?: object) => unknown

const echo: RequestListener = (request, response) => {
  text(request).then(body => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }))
  }, () => response.destroy())
}

async function listening (t: Test, server: Server, path?: string): Promise<Server> {
  if (path === undefined) server.listen(0, '127.0.0.1')
  else server.listen(path)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return server
}

async function backendFor (t: Test, listener: RequestListener = echo): Promise<string> {
  const server = await listening(t, createServer(listener))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A gateway with one route to a backend that answers with the request that it got. */
async function routeFor (t: Test, options: ProxyOptions, setup: GatewaySetup = {}): Promise<RunningGateway> {
  return gatewayFor(t, { ...setup, routes: [{ upstream: await backendFor(t), ...options }] })
}

async function seen (url: string, init?: RequestInit): Promise<Seen> {
  const response = await fetch(url, init)
  const body = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${body}`)
  return JSON.parse(body) as Seen
}

const post = (body: string, type: string): RequestInit => ({ method: 'POST', body, headers: { 'content-type': type } })
const codes = ({ log }: RunningGateway): (string | undefined)[] => log.map(({ code }) => code)
const said = ({ log }: RunningGateway): string => log.map(({ msg }) => msg).join('\n')

t.test('rewritePrefix replaces the prefix', async t => {
  const { url } = await routeFor(t, { prefix: '/api', rewritePrefix: '/v1' })
  t.equal((await seen(`${url}/api/users/7?a=1&b=%20`)).url, '/v1/users/7?a=1&b=%20')
  t.equal((await seen(`${url}/api`)).url, '/v1')
  t.equal((await fetch(`${url}/apis`)).status, 404)
})

t.test('the path of the upstream is the default of rewritePrefix', async t => {
  const upstream = await backendFor(t)
  const { url } = await routeFor(t, { prefix: '/api', upstream: `${upstream}/base/` })
  t.equal((await seen(`${url}/api/users`)).url, '/base/users')
})

t.test('a parameter in the prefix goes into rewritePrefix, percent-encoded for the backend', async t => {
  const { url } = await routeFor(t, { prefix: '/:tenant/api', rewritePrefix: '/internal/:tenant' })
  t.equal((await seen(`${url}/acme/api/users?x=y`)).url, '/internal/acme/users?x=y')
  t.equal((await seen(`${url}/caf%C3%A9/api/users`)).url, '/internal/caf%C3%A9/users')
})

t.test('a path is forwarded byte for byte, and never leaves its prefix', async t => {
  const { port } = await routeFor(t, { prefix: '/api', rewritePrefix: '/v1' })
  const paths = [
    ['/api/a%20b;c=1,2:@!$&\'()*+~_-.', '/v1/a%20b;c=1,2:@!$&\'()*+~_-.'],
    ['/api/.well-known/x', '/v1/.well-known/x'],
    ['/api/a//b', '/v1/a//b'],
    ['/api/a/./b', '/v1/a/./b'],
    ['/api/a/%2E/b', '/v1/a/%2E/b'],
    ['/api/a"b|c', '/v1/a"b|c'],
    ['/api/a%2fb', '/v1/a%2fb'],
    ['/api/a\\b', 400],
    ['/api/a/..%2fb/../c', 400],
    ['/api/%2e%2e/secret', 400],
    ['/api/a%2f..%2f..%2fsecret', 400],
    ['/api/..%5csecret', 400],
    ['/api/../secret', 400]
  ] as const
  for (const [path, expected] of paths) {
    const [response] = await once(get({ port, host: '127.0.0.1', path, agent: false }), 'response') as [IncomingMessage]
    const body = await text(response)
    t.equal(typeof expected === 'number' ? response.statusCode : (JSON.parse(body) as Seen).url, expected, path)
  }
})

t.test('httpMethods, routes, constraints and config are those of the Fastify route', async t => {
  const configs: unknown[] = []
  const { url } = await routeFor(t, {
    prefix: '/api',
    httpMethods: ['GET', 'DELETE'],
    routes: ['/one', '/two/*'],
    constraints: { version: '1.0.0' },
    config: { secret: 7 },
    preHandler (request, _reply, done) {
      configs.push((request.routeOptions.config as { secret?: number }).secret)
      done()
    }
  })
  const headers = { 'accept-version': '1.0.0' }
  t.equal((await seen(`${url}/api/one`, { headers })).url, '/one')
  t.equal((await seen(`${url}/api/two/x`, { headers, method: 'DELETE' })).method, 'DELETE')
  t.equal((await fetch(`${url}/api/one`, { headers, method: 'PUT' })).status, 404)
  t.equal((await fetch(`${url}/api/three`, { headers })).status, 404)
  t.equal((await fetch(`${url}/api/one`)).status, 404)
  t.same(configs, [7, 7])
})

t.test('a preHandler can refuse, and a preValidation sees the body that Fastify parsed', async t => {
  const refused = await routeFor(t, { preHandler (_request, reply) { reply.code(401).send({ who: 'are you' }) } })
  const response = await fetch(refused.url)
  t.same([response.status, await response.json()], [401, { who: 'are you' }])

  const bodies: unknown[] = []
  const validated = await routeFor(t, { preValidation (request, _reply, done) { bodies.push(request.body); done() } })
  const { body, headers } = await seen(validated.url, post('{ "a": 1 }', 'application/json; charset=utf-8'))
  t.same(bodies, [{ a: 1 }])
  t.equal(body, '{"a":1}', 'and the backend gets it encoded anew')
  t.equal(headers['content-length'], '7')
})

t.test('preRewrite changes the URL, given its parameters and its prefix', async t => {
  const given: unknown[] = []
  const { url } = await routeFor(t, {
    prefix: '/api/:id',
    preRewrite (from, params, prefix) {
      given.push(params, prefix)
      return from.replace('/old/', '/new/')
    }
  })
  t.equal((await seen(`${url}/api/5/old/x`)).url, '/new/x')
  t.same(given, [{ id: '5', '*': 'old/x' }, '/api/:id'])
})

t.test('with proxyPayloads: false Fastify parses bodies, and the gateway encodes them again', async t => {
  const { url } = await routeFor(t, { proxyPayloads: false })
  const json = await seen(url, post('{ "a": [1,  2] }', 'application/json'))
  t.same([json.body, json.headers['content-type'], json.headers['content-length']], ['{"a":[1,2]}', 'application/json', '11'])
  t.equal((await seen(url, post('false', 'application/json'))).body, 'false')
  t.equal((await seen(url, post('as it is', 'text/plain'))).body, 'as it is')
  t.equal((await fetch(url, post('{', 'application/json'))).status, 400)
  t.equal((await fetch(url, post('<a/>', 'application/xml'))).status, 415)
})

t.test('contentTypesToEncode lists types to encode as JSON besides application/json', async t => {
  const parsing: GatewaySetup = {
    before (app) { app.addContentTypeParser('application/x-list', { parseAs: 'string' }, (_request, body, done) => done(null, (body as string).split(','))) }
  }
  const encoded = await routeFor(t, { proxyPayloads: false, contentTypesToEncode: ['application/x-list'] }, parsing)
  const { body, headers } = await seen(encoded.url, post('a,b', 'application/x-list'))
  t.same([body, headers['content-type']], ['["a","b"]', 'application/x-list'])

  const unnamed = await routeFor(t, { proxyPayloads: false }, parsing)
  const response = await fetch(unnamed.url, post('a,b', 'application/x-list'))
  t.equal(response.status, 500)
  t.match(await response.text(), /contentTypesToEncode/)
})

t.test('by default a body of any type streams unparsed', async t => {
  const { url } = await routeFor(t, {})
  for (const type of ['application/json', 'text/plain', 'application/xml']) t.equal((await seen(url, post('{ not json', type))).body, '{ not json', type)
})

t.test('a relative Location gets the prefix back, unless internalRewriteLocationHeader is false', async t => {
  const upstream = await backendFor(t, (request, response) => {
    response.writeHead(302, { location: request.url === '/v1/away' ? 'https://elsewhere.test/v1/x' : '/v1/x' }).end()
  })
  const route = { upstream, prefix: '/api', rewritePrefix: '/v1' }
  const location = async (url: string): Promise<string | null> => (await fetch(url, { redirect: 'manual' })).headers.get('location')
  const rewriting = await gatewayFor(t, { routes: [route] })
  t.equal(await location(`${rewriting.url}/api/x`), '/api/x')
  t.equal(await location(`${rewriting.url}/api/away`), 'https://elsewhere.test/v1/x')
  const leaving = await gatewayFor(t, { routes: [{ ...route, internalRewriteLocationHeader: false }] })
  t.equal(await location(`${leaving.url}/api/x`), '/v1/x')
})

t.test('replyOptions.rewriteHeaders changes the response, without what node could not write', async t => {
  const { url } = await routeFor(t, {
    replyOptions: { rewriteHeaders: (headers, request) => ({ ...headers, 'x-path': request?.url ?? '', 'x-smile': 'a\u{1F600}b\r\n', 'set-cookie': ['a=1', 'b=\u{20AC}2'] }) }
  })
  const { headers } = await fetch(`${url}/here`)
  t.equal(headers.get('x-path'), '/here')
  t.equal(headers.get('x-smile'), 'ab')
  t.same(headers.getSetCookie(), ['a=1', 'b=2'])
})

t.test('a rewriteHeaders that throws is answered by the app, and affects no other request', async t => {
  const running = await routeFor(t, { replyOptions: { rewriteHeaders: () => { throw Object.assign(new Error('mine'), { statusCode: 418 }) } } })
  const response = await fetch(running.url)
  t.same([response.status, (await response.json() as { message: string }).message], [418, 'mine'])
  t.equal((await fetch(running.url)).status, 418)
})

t.test('a rewriteHeaders that returns an invalid name is an error of the app, for whole and streamed responses', async t => {
  const upstream = await backendFor(t, (request, response) => {
    response.write('first')
    setTimeout(() => response.end('last'), request.url === '/streams' ? 20 : 0)
  })
  const { url } = await routeFor(t, { upstream, replyOptions: { rewriteHeaders: headers => ({ ...headers, 'no name': 'x' }) } })
  for (const path of ['/whole', '/streams']) {
    const response = await fetch(`${url}${path}`)
    t.equal(response.status, 500)
    t.match(await response.json(), { code: 'ERR_INVALID_HTTP_TOKEN' })
  }
})

t.test('replyOptions.rewriteRequestHeaders sees host and content-length, and has the last word on what is sent', async t => {
  let given: Record<string, unknown> = {}
  const upstream = await backendFor(t)
  const { url } = await routeFor(t, {
    upstream,
    replyOptions: {
      rewriteRequestHeaders (_request, headers) {
        given = headers
        return { ...headers, host: 'public.test', 'x-added': 'yes', 'x-forwarded-for': undefined } as unknown as Record<string, string>
      }
    }
  })
  const { headers } = await seen(url, post('12345', 'text/plain'))
  t.match(given, { host: new URL(upstream).host, 'content-length': '5', 'content-type': 'text/plain', 'x-forwarded-for': '127.0.0.1' })
  t.match(headers, { host: 'public.test', 'x-added': 'yes', 'content-length': '5' })
  t.equal(headers['x-forwarded-for'], undefined)
})

t.test('replyOptions.queryString replaces the query: an object, or a function', async t => {
  const object = await routeFor(t, { replyOptions: { queryString: { q: 'a b', n: 1 } } })
  t.equal((await seen(`${object.url}/x?old=1`)).url, '/x?q=a%20b&n=1')
  const given: unknown[] = []
  const computed = await routeFor(t, { replyOptions: { queryString: (search, url) => { given.push(search, url); return 'new=2' } } })
  t.equal((await seen(`${computed.url}/x?old=1`)).url, '/x?new=2')
  t.same(given, ['', '/x?old=1'])
  const none = await routeFor(t, { replyOptions: { queryString: () => '' } })
  t.equal((await seen(`${none.url}/x?old=1`)).url, '/x')
})

t.test('replyOptions.onResponse sends the response itself', async t => {
  const { url } = await routeFor(t, {
    replyOptions: {
      onResponse (_request, reply, response) {
        const { stream, statusCode } = response as unknown as { stream: Readable, statusCode: number }
        text(stream).then(body => reply.removeHeader('content-length').send(`${statusCode} ${body.length > 2} by hand`), error => reply.send(error))
      }
    }
  })
  const response = await fetch(url)
  t.same([response.status, await response.text()], [200, '200 true by hand'])
})

t.test('replyOptions.onError answers a failure, and gets its error', async t => {
  const errors: Error[] = []
  const { url, log } = await routeFor(t, {
    upstream: await backendFor(t, (_request, response) => response.destroy()),
    replyOptions: { onError (reply, error) { errors.push((error as unknown as { error: Error }).error); reply.code(599).send('sorry') } }
  })
  const response = await fetch(url, { method: 'POST', body: 'x' })
  t.same([response.status, await response.text()], [599, 'sorry'])
  t.match(errors, [{ code: 'HOLDFAST_ERR_CONNECTION_LOST', statusCode: 502 }])
  t.ok(errors[0] instanceof HoldfastError)
  t.match(log, [{ level: 40, err: { code: 'HOLDFAST_ERR_CONNECTION_LOST' } }], 'and it is logged, once')
})

t.test('replyOptions.timeout bounds the wait for an answer: 504', async t => {
  const { url } = await routeFor(t, { upstream: await backendFor(t, () => {}), replyOptions: { timeout: 100 } } as ProxyOptions)
  const response = await fetch(url)
  t.match([response.status, await response.json()], [504, { code: 'HOLDFAST_ERR_HEADERS_TIMEOUT' }])
})

t.test('replyOptions.getUpstream chooses the backend of each request', async t => {
  const one = await backendFor(t, (_request, response) => response.end('one'))
  const two = await backendFor(t, (_request, response) => response.end('two'))
  const places: Record<string, string> = { one, two, nowhere: 'unix+http://%2Ftmp%2Fx.sock/' }
  const { url, gateway } = await routeFor(t, { upstream: '', replyOptions: { getUpstream: request => places[request.headers['x-to'] as string] ?? '' } })
  const from = async (to: string): Promise<string> => (await fetch(url, { headers: { 'x-to': to } })).text()
  t.same([await from('one'), await from('two'), await from('one')], ['one', 'two', 'one'])
  t.same([...gateway.targets].map(({ origin }) => origin).sort(), [one, two].sort())
  t.match(JSON.parse(await from('nowhere')), { statusCode: 500, code: 'HOLDFAST_ERR_UNKNOWN_TARGET' })
})

t.test('a route\'s handler replaces the gateway\'s, and its reply.from goes over the target', async t => {
  const { url, target } = await routeFor(t, {
    prefix: '/api',
    rewritePrefix: '/v1',
    handler: (_request, reply, dest, options) => (reply as unknown as { from: From }).from(`${dest}/more`, options)
  })
  t.equal((await seen(`${url}/api/x`)).url, '/v1/x/more')
  await seen(`${url}/api/x`)
  t.match(target.snapshot().totals, { requests: 2, opened: 1 })
})

t.test('a handler\'s reply.from fails as a managed route does, and goes where getUpstream says', async t => {
  const upstream = await backendFor(t, (_request, response) => response.destroy())
  const handler: ProxyOptions['handler'] = (_request, reply, dest, options) => (reply as unknown as { from: From }).from(dest, options)
  const failing = await routeFor(t, { upstream, handler })
  const response = await fetch(failing.url, { method: 'POST', body: 'x' })
  t.match([response.status, await response.json()], [502, { code: 'HOLDFAST_ERR_CONNECTION_LOST' }])

  const chosen = await backendFor(t)
  const choosing = await routeFor(t, { upstream: '', handler, replyOptions: { getUpstream: () => chosen } })
  t.equal((await seen(`${choosing.url}/x`)).url, '/x')
  t.equal(choosing.target.origin, chosen)
})

t.test('a handler\'s reply.from uses its own route\'s target, where two have one origin', async t => {
  const upstream = await backendFor(t)
  const handler: ProxyOptions['handler'] = (_request, reply, dest, options) => (reply as unknown as { from: From }).from(dest, options)
  const { url, gateway } = await gatewayFor(t, {
    routes: [{ upstream, prefix: '/a' }, { upstream, prefix: '/b', target: 'second', undiciOptions: { connections: 2 }, handler }]
  })
  await seen(`${url}/b/x`)
  t.equal(gateway.targets.get('second')?.snapshot().totals.requests, 1)
})

t.test('unix+http: reaches a unix socket', { skip: process.platform === 'win32' && 'no unix sockets' }, async t => {
  const path = join(tmpdir(), `holdfast-${process.pid}.sock`)
  await listening(t, createServer(echo), path)
  const { url, target } = await routeFor(t, { prefix: '/u', upstream: `unix+http://${encodeURIComponent(path)}/` })
  t.equal((await seen(`${url}/u/x`)).url, '/x')
  t.equal(target.snapshot().totals.requests, 1)
})

t.test('websocket: true makes a route upgradable, whether its upstream says http: or ws:', async t => {
  const upstream = await backendFor(t)
  const server = await listening(t, createServer(echo))
  server.on('upgrade', echoFrames)
  const { port } = server.address() as AddressInfo
  for (const options of [{ upstream: `http://127.0.0.1:${port}` }, { upstream: `ws://127.0.0.1:${port}` }, { upstream, wsUpstream: `ws://127.0.0.1:${port}` }]) {
    const { app, url } = await gatewayFor(t, { routes: [{ ...options, prefix: '/live', websocket: true }] })
    const socket = new WebSocket(`${url.replace('http', 'ws')}/live/chat`)
    await once(socket, 'open')
    const answer = once(socket, 'message')
    socket.send('hello')
    t.equal(((await answer)[0] as { data: string }).data, 'hello', JSON.stringify(options))
    t.equal((await seen(`${url}/live/plain`)).url, '/plain', 'and serves HTTP besides')
    socket.close()
    await once(socket, 'close')
    await app.close()
  }
})

t.test('the old undici option is read as undiciOptions, and its tls as connect', async t => {
  const { authority, server: leaf } = certificates()
  const server = await listening(t, createTlsServer({ cert: leaf.cert, key: leaf.key }, echo))
  const { port } = server.address() as AddressInfo
  const running = await routeFor(t, {
    upstream: `https://localhost:${port}`,
    undici: { connections: 3, tls: { ca: authority.cert }, maxRedirections: 0, pipelining: 10 } as never
  })
  t.equal((await seen(`${running.url}/x`)).url, '/x')
  t.equal(running.target.snapshot().limits.undiciOptions.connections, 3)
  t.match(said(running), /undici\.maxRedirections has no effect/)
  t.match(said(running), /undici\.pipelining has no effect/)
})

t.test('a TLS backend is verified unless rejectUnauthorized: false says otherwise, which is warned about', async t => {
  const { server: leaf } = certificates()
  const server = await listening(t, createTlsServer({ cert: leaf.cert, key: leaf.key }, echo))
  const upstream = `https://localhost:${(server.address() as AddressInfo).port}`
  const verifying = await routeFor(t, { upstream })
  const response = await fetch(verifying.url)
  t.match([response.status, await response.json()], [502, { code: 'HOLDFAST_ERR_TLS' }])
  const trusting = await routeFor(t, { upstream, undici: { tls: { rejectUnauthorized: false } } as never })
  t.equal((await seen(`${trusting.url}/x`)).url, '/x')
  t.same(codes(trusting), ['HOLDFAST_WARN_TLS_UNVERIFIED'])
})

t.test('options for another transport are served by that transport, unmanaged and with a warning', async t => {
  const upstream = await backendFor(t)
  const pool = new Pool(upstream)
  t.teardown(() => pool.destroy())
  const transports: [string, Pick<ProxyOptions, 'undici' | 'http' | 'globalAgent'>][] = [
    ['an undici instance', { undici: pool }],
    ['undici: false', { undici: false as never }],
    ['http', { http: true as never }],
    ['globalAgent', { globalAgent: true }]
  ]
  for (const [name, options] of transports) {
    const running = await routeFor(t, { upstream, prefix: '/api', rewritePrefix: '/v1', ...options })
    t.equal((await seen(`${running.url}/api/x`)).url, '/v1/x', name)
    t.same(codes(running), ['HOLDFAST_WARN_UNMANAGED'], name)
    t.match(said(running), new RegExp(`^${name} asks for another transport`), name)
    t.same([...running.gateway.targets], [], name)
  }
})

t.test('http-proxy\'s retry options have no effect and are warned about, in replyOptions too', async t => {
  let asked = 0
  const running = await routeFor(t, {
    upstream: await backendFor(t, (_request, response) => { asked++; response.writeHead(503).end() }),
    retryMethods: ['GET'],
    maxRetriesOn503: 3,
    replyOptions: { retriesCount: 2, retryDelay: () => 1 }
  } as ProxyOptions)
  t.equal((await fetch(running.url)).status, 503)
  t.equal(asked, 1)
  for (const name of ['retryMethods', 'retriesCount', 'retryDelay', 'maxRetriesOn503']) t.match(said(running), `${name} has no effect`, name)
})

t.test('the options of http-proxy\'s own WebSocket path are taken with a warning', async t => {
  const running = await routeFor(t, { websocket: true, wsReconnect: {}, wsClientOptions: {} })
  t.match(said(running), /^wsReconnect, wsClientOptions: upgraded connections/)
})

const CLOSE = 8

/** Answers a WebSocket handshake, and echoes every short frame. */
function echoFrames (request: IncomingMessage, socket: Duplex): void {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
  socket.on('error', () => {})
  socket.on('data', (frame: Buffer) => {
    const length = frame[1]! & 0x7f
    const payload = Buffer.from(frame.subarray(6, 6 + length).map((byte, i) => byte ^ frame[2 + i % 4]!))
    socket.write(Buffer.concat([Buffer.from([frame[0]!, length]), payload]))
    if ((frame[0]! & 0xf) === CLOSE) socket.end()
  })
}

t.test('what getUpstream returns is sent whole or refused: credentials, a query and a path elsewhere are a 500, and the log says why', async t => {
  const backend = await backendFor(t)
  const places: Record<string, string> = {
    good: backend,
    slash: `${backend}/`,
    within: `${backend}/v1`,
    credentials: backend.replace('://', '://user:SECRET@'),
    query: `${backend}/?key=1`,
    fragment: `${backend}/#part`,
    elsewhere: `${backend}/v2`,
    none: 'nonsense'
  }
  const handler: ProxyOptions['handler'] = (_request, reply, dest, options) => (reply as unknown as { from: From }).from(dest, options)
  for (const own of [undefined, handler]) {
    const { url, log } = await routeFor(t, {
      prefix: '/api',
      rewritePrefix: '/v1/users',
      upstream: '',
      replyOptions: { getUpstream: request => places[request.headers['x-to'] as string] ?? '' },
      ...own === undefined ? undefined : { handler: own }
    })
    for (const to of Object.keys(places)) {
      const response = await fetch(`${url}/api/7`, { headers: { 'x-to': to } })
      const body = await response.text()
      if (['good', 'slash', 'within'].includes(to)) {
        t.match([response.status, JSON.parse(body)], [200, { url: '/v1/users/7' }], to)
        continue
      }
      t.match([response.status, JSON.parse(body)], [500, { code: 'HOLDFAST_ERR_OPTION', message: 'Invalid option' }], to)
      t.match(JSON.stringify(log.at(-1)), /what replyOptions\.getUpstream returned: .+; (?:leave it out|leave them out|give one)/, to)
    }
    t.notMatch(JSON.stringify(log), 'SECRET')
  }
})
