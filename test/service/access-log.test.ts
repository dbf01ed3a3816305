import { once } from 'node:events'
import t from 'tap'
import { startBackend } from '../../testing/backend.js'
import { rawClient, request } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import { EXTENSION } from '../../testing/program.js'
import { handshake, nextMessage, webSocketBackend, webSocketFor } from '../../testing/websocket.js'
import { lineOf, microservice } from './logged-microservice.js'
import type { Microservice } from './logged-microservice.js'

t.test('a request has one line, with what an operator needs and no secrets', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ body: 'secret-answer', headers: [['Set-Cookie', 'secret-cookie']] }))
  const service = await microservice(t, { upstream: backend.url })
  await request(`${service.url}/users/7?x=1`, { method: 'POST', body: 'secret-body', headers: { authorization: 'secret-auth', cookie: 'secret-cookie', 'x-request-id': 'abc', host: 'shop.example', 'user-agent': 'curl/8' } })
  const line = await lineOf(service)
  t.match(line, { level: 30, msg: 'request completed', reqId: 'abc', method: 'POST', url: '/users/7?x=1', status: 200, clientIp: '127.0.0.1', host: 'shop.example', userAgent: 'curl/8', provenance: { target: backend.url, nth: 1 } })
  t.match(String(line['responseTime']), /^\d+(\.\d)?$/)
  t.same(Object.keys(line).sort(), [
    'clientIp', 'host', 'hostname', 'level', 'method', 'msg', 'pid', 'provenance', 'reqId', 'requestBytes', 'responseBytes', 'responseTime', 'status',
    'time', 'url', 'userAgent'
  ])
  t.notMatch(service.text(), 'secret')
})

t.test('a 5xx made here is a warning with code and cause, one of a backend is not', async t => {
  const backend = await startBackend((_request, connection) => connection.reply({ status: 500 }))
  const service = await microservice(t, { upstream: backend.url })
  await request(service.url)
  t.match(await lineOf(service), { level: 30, status: 500, err: undefined })
  await backend.close()
  const gone = await microservice(t, { upstream: backend.url })
  t.equal((await request(gone.url)).status, 502)
  t.match(await lineOf(gone), { level: 40, msg: 'request failed', status: 502, err: { code: 'HOLDFAST_ERR_CONNECT', reason: 'ECONNREFUSED' }, provenance: { error: 'HOLDFAST_ERR_CONNECT' } })
})

t.test('a client that leaves before its answer has a line without a status', async t => {
  const backend = await backendFor(t, () => {})
  const service = await microservice(t, { upstream: backend.url })
  const client = await rawClient(service.port)
  client.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await backend.waitFor(({ requests }) => requests === 1)
  client.destroy()
  const line = await lineOf(service)
  t.match(line, { level: 30, msg: 'client left', url: '/slow', err: { code: 'HOLDFAST_ERR_CLIENT_GONE' }, provenance: { error: 'HOLDFAST_ERR_CLIENT_GONE' } })
  t.notOk('status' in line)
})

t.test('a client that leaves in the middle of its answer has a line', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  const service = await microservice(t, { upstream: backend.url })
  const client = await rawClient(service.port)
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(client.socket, 'data')
  client.destroy()
  t.match(await lineOf(service), { level: 30, msg: 'client left', status: 200, err: { code: 'HOLDFAST_ERR_CLIENT_GONE' } })
})

t.test('a response that a backend cut short is a warning', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  const service = await microservice(t, { upstream: backend.url })
  const client = await clientFor(t, service)
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(client.socket, 'data')
  backend.connections[0]!.end()
  t.match(await lineOf(service), { level: 40, msg: 'response cut', status: 200, err: { code: 'HOLDFAST_ERR_CONNECTION_LOST' } })
})

t.test('an upgraded connection has its line at the 101, with the id that client and backend were told', async t => {
  const backend = await webSocketBackend(t)
  const route = `import { proxy } from ${JSON.stringify(new URL(`../../src/index${EXTENSION}`, import.meta.url).href)}
    export default async app => { await app.register(proxy, { prefix: '/live', upstream: ${JSON.stringify(backend.url)}, websocket: true }) }\n`
  const service = await microservice(t, { route })
  const socket = await webSocketFor(t, `${service.url}/live/chat`)
  const echoed = nextMessage(socket)
  socket.send('hello')
  t.equal((await echoed).data.toString(), 'hello')
  const { reqId, ...line } = await lineOf(service)
  t.match(line, { level: 30, msg: 'upgraded', status: 101, url: '/live/chat', provenance: { nth: 1 } })
  t.equal(backend.upgrades[0]!.headers['x-request-id'], reqId)

  const client = await clientFor(t, service)
  client.write(handshake('/live', 'X-Request-Id: mine\r\n'))
  const { status, header } = await client.response()
  t.same([status, header('x-request-id')], [101, 'mine'])
})

t.test('successful health checks are logged at debug', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const service = await microservice(t, { upstream: backend.url })
  await request(`${service.url}/health/live`)
  await request(`${service.url}/other`)
  t.match(await lineOf(service), { url: '/other' })
  const debugging = await microservice(t, { upstream: backend.url, level: 'debug' })
  await request(`${debugging.url}/health/ready`)
  t.match(await lineOf(debugging), { level: 20, url: '/health/ready', status: 200 })
})

t.test('a route that throws is an error with its stack; a refused request or unknown path is logged with its code', async t => {
  const route = `export default async app => {
    app.get('/throws', () => { throw new TypeError('no good') })
    app.post('/json', () => 'here')
    app.get('/answers', (request, reply) => reply.code(503).send('not now'))
  }\n`
  const cases: [(service: Microservice) => Promise<unknown>, object][] = [
    [({ url }) => request(`${url}/throws`), { level: 50, msg: 'request failed', status: 500, err: { type: 'TypeError', message: 'no good', stack: new RegExp(`mine\\${EXTENSION}`) } }],
    [({ url }) => request(`${url}/json`, { method: 'POST', body: 'secret', headers: { 'content-type': 'application/json' } }), { level: 30, status: 400, err: { code: 'FST_ERR_CTP_INVALID_JSON_BODY' } }],
    [({ url }) => request(`${url}/answers`), { level: 30, msg: 'request completed', status: 503, err: undefined }],
    [({ url }) => request(`${url}/nowhere`), { level: 30, status: 404, err: undefined }],
    [({ url }) => request(`${url}/%zz`), { level: 30, status: 400, url: '/%zz', err: { code: 'FST_ERR_BAD_URL' } }],
    [({ url }) => request(url, { headers: { 'transfer-encoding': 'gzip, chunked' } }), { level: 40, status: 501, err: { code: 'HOLDFAST_ERR_UNSUPPORTED_CODING' } }]
  ]
  for (const [send, expected] of cases) {
    const service = await microservice(t, { route })
    await send(service)
    t.match(await lineOf(service), expected)
    t.notMatch(service.text(), 'secret')
    await service.app.close()
  }
})

t.test('a valid request id is forwarded, and an invalid one is replaced', async t => {
  const seen: (string | undefined)[] = []
  const backend = await backendFor(t, (request, connection) => {
    seen.push(request.header('x-request-id'))
    connection.reply({ headers: [['X-Request-Id', 'of the backend']] })
  })
  const service = await microservice(t, { upstream: backend.url })
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
  const cases: [string | string[] | undefined, string | RegExp][] = [
    ['abc/7+x=', 'abc/7+x='], ['x'.repeat(200), 'x'.repeat(200)], ['x'.repeat(201), uuid], ['with space', uuid], ['\u00fcber', uuid], ['', uuid], [['a', 'b'], uuid], [undefined, uuid]
  ]
  for (const [given, expected] of cases) {
    const { headers } = await request(service.url, { headers: given === undefined ? {} : { 'x-request-id': given } })
    await until(() => service.requests().length === seen.length)
    const id = service.requests().at(-1)!['reqId']
    t.match(id, expected, JSON.stringify(given))
    t.same([headers['x-request-id'], seen.at(-1)], [id, id], 'the same to client and backend')
  }
})

t.test('a client\'s Connection cannot remove the request id', async t => {
  const seen: (string | undefined)[] = []
  const backend = await backendFor(t, (request, connection) => {
    seen.push(request.header('x-request-id'), request.header('x-own'))
    connection.reply()
  })
  const service = await microservice(t, { upstream: backend.url })
  const cases: [given: string, id: RegExp][] = [['', /^[0-9a-f-]{36}$/], ['X-Request-Id: mine\r\n', /^mine$/]]
  for (const [given, id] of cases) {
    const client = await clientFor(t, service)
    client.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Own, X-Request-ID\r\nX-Own: 1\r\n${given}\r\n`)
    const { status, header } = await client.response()
    t.equal(status, 200)
    const [sent, own] = seen.splice(0)
    t.match(sent, id)
    t.equal(sent, header('x-request-id'))
    t.equal(own, undefined, 'what is the client\'s own, and nominated, stays')
  }
})

t.test('in another app the client\'s request id is forwarded unchanged, and the answer has the backend\'s', async t => {
  const seen: (string | undefined)[] = []
  const backend = await backendFor(t, (request, connection) => {
    seen.push(request.header('x-request-id'))
    connection.reply({ headers: [['X-Request-Id', 'of the backend']] })
  })
  const { url } = await gatewayFor(t, { routes: [{ upstream: backend.url }] })
  t.equal((await request(url, { headers: { 'x-request-id': 'with space' } })).headers['x-request-id'], 'of the backend')
  await request(url)
  t.same(seen, ['with space', undefined])
})

t.test('traceparent is forwarded unchanged, and its trace id is in the line', async t => {
  const seen: string[][] = []
  const backend = await backendFor(t, (request, connection) => {
    seen.push(['traceparent', 'tracestate'].map(name => request.header(name) ?? ''))
    connection.reply()
  })
  const service = await microservice(t, { upstream: backend.url })
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await request(service.url, { headers: { traceparent, tracestate: 'vendor=1,other=a:b', connection: 'keep-alive, x-other', 'x-other': '1', 'x-forwarded-for': '10.0.0.1' } })
  t.match(await lineOf(service), { traceId: '4bf92f3577b34da6a3ce929d0e0e4736' })
  await request(service.url, { headers: { traceparent: 'nonsense' } })
  await until(() => service.requests().length === 2)
  t.notOk('traceId' in service.requests()[1]!)
  t.same(seen, [[traceparent, 'vendor=1,other=a:b'], ['nonsense', '']])
})
