import { connect as connectHttp2 } from 'node:http2'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { type ProxyOptions, gateway, proxy } from '../../src/index.js'
import type { Backend, BackendScript, RequestScript } from '../../testing/backend.js'
import { answer } from '../../testing/answer.js'
import { persistent } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'
import { type Answer, type RequestInput, request } from '../../testing/client.js'
import type { RawResponse } from '../../testing/raw-response.js'
import { backendFor, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { GatewaySetup, RunningGateway } from '../../testing/gateway.js'
import { type BareItem, type Item, parseList } from '../../testing/structured-list.js'
import { handshake, refusal, tunnelFor } from '../../testing/websocket.js'

async function between (t: Test, script: BackendScript, route: ProxyOptions = {}, setup: GatewaySetup = {}): Promise<RunningGateway & { backend: Backend }> {
  const backend = await backendFor(t, script)
  const running = await gatewayFor(t, { ...setup, routes: [{ upstream: backend.url, proxyStatus: true, ...route }] })
  return Object.assign(running, { backend })
}

type Headers = Record<string, string | string[] | undefined>

function fields (response: RawResponse): Headers {
  return { 'proxy-status': response.header('proxy-status') }
}

/** The members of the header, in order. There is one line only. */
function members (headers: Headers): Item[] {
  const field = headers['proxy-status']
  if (typeof field !== 'string') throw new Error(`no Proxy-Status: ${JSON.stringify(headers)}`)
  return parseList(field)
}

/** The gateway's member, which is the last, as a record, with its details split into words. */
function own (headers: Headers): { error?: BareItem, 'received-status'?: BareItem, details: Record<string, string> } {
  const { value, parameters } = members(headers).at(-1)!
  if ((value as { token?: string }).token !== 'holdfast') throw new Error(`the last member is ${JSON.stringify(value)}`)
  const { details = '', error, ...rest } = Object.fromEntries(parameters)
  const words = String(details).split(' ').filter(word => word !== '').map(word => word.split('=') as [string, string])
  return { ...rest, ...(error === undefined ? undefined : { error: (error as { token: string }).token }), details: Object.fromEntries(words) }
}

const FRESH = { connection: '1', reused: 'false', nth: '1', idleMs: '0', attempts: '1', persistence: 'persistent' }

t.test('Proxy-Status is off by default, and a backend\'s own passes unchanged', async t => {
  const script: RequestScript = (_request, connection) => connection.reply({ headers: { 'Proxy-Status': 'inner; x,' } })
  const off = await between(t, script, { proxyStatus: undefined })
  t.equal((await request(off.url)).headers['proxy-status'], 'inner; x,')
  const plain = await between(t, persistent(), { proxyStatus: undefined })
  t.notOk('proxy-status' in (await request(plain.url)).headers)
})

t.test('the gateway can switch Proxy-Status on for all routes, and a route can switch it off', async t => {
  const backend = await backendFor(t, persistent())
  const { url } = await gatewayFor(t, {
    gateway: { proxyStatus: true },
    routes: [{ prefix: '/a', upstream: backend.url }, { prefix: '/b', upstream: backend.url, proxyStatus: false }],
    before: app => { app.get('/own', async () => 'mine') }
  })
  t.match(own((await request(`${url}/a`)).headers), { 'received-status': 200, details: FRESH })
  for (const path of ['/b', '/own', '/nowhere']) t.notOk('proxy-status' in (await request(url + path)).headers, path)
})

t.test('a backend\'s response has its status and provenance in Proxy-Status', async t => {
  const { url } = await between(t, (request, connection) => {
    if (request.nth < 3) answer(request, connection, { status: request.nth === 1 ? 200 : 404 })
    else connection.end()
  })
  t.strictSame(own((await request(url)).headers).error, undefined)
  t.match(own((await request(url)).headers), { 'received-status': 404, details: { connection: '1', reused: 'true', nth: '2', attempts: '1' } })
  t.match(own((await request(url)).headers), { 'received-status': 200, details: { ...FRESH, connection: '2', attempts: '2', retries: 'stale' } })
})

t.test('HEAD, 204, a stream, an HTTP/1.0 client, an HTTP/2 client and inject() get Proxy-Status', async t => {
  const running = await between(t, (request, connection) => {
    if (request.path === '/stream') {
      connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
      setImmediate(() => connection.write('0\r\n\r\n'))
    } else if (request.path === '/204') connection.reply({ status: 204 })
    else answer(request, connection)
  })
  const asked: [string, RequestInput?][] = [['/', { method: 'HEAD' }], ['/204'], ['/stream']]
  for (const [path, input] of asked) t.match(own((await request(running.url + path, input)).headers).details, { attempts: '1' }, path)
  const client = await clientFor(t, running)
  client.write('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
  t.match(own(fields(await client.response()))['received-status'], 200)
  t.match(own((await running.app.inject('/')).headers as Headers)['received-status'], 200)

  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(gateway, { proxyStatus: true })
  await app.register(proxy, { upstream: running.backend.url })
  const session = connectHttp2(await app.listen({ port: 0, host: '127.0.0.1' }))
  t.teardown(() => session.destroy())
  const headers = await new Promise<Headers>((resolve, reject) => session.request({ ':path': '/' }).on('error', reject).on('response', resolve).resume().end())
  t.match(own(headers), { 'received-status': 200 })
})

t.test('a 304 has Proxy-Status', async t => {
  const { url } = await between(t, (_request, connection) => connection.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: "a"\r\n\r\n'))
  const { status, headers } = await request(url)
  t.equal(status, 304)
  t.match(own(headers), { 'received-status': 304, details: FRESH })
})

t.test('members from backends come first', async t => {
  const { url } = await between(t, (_request, connection) => {
    connection.write('HTTP/1.1 502 Bad Gateway\r\nProxy-Status: "cdn 7"; error=dns_error; details="a, \\"b\\""\r\nProxy-Status: inner\r\nContent-Length: 0\r\n\r\n')
  })
  const { headers } = await request(url)
  t.strictSame(members(headers).map(({ value }) => value), ['cdn 7', { token: 'inner' }, { token: 'holdfast' }])
  t.match(members(headers)[0]!.parameters.get('details'), 'a, "b"')
  t.match(own(headers), { 'received-status': 502, error: undefined })
  const broken = await between(t, (_request, connection) => connection.reply({ headers: { 'Proxy-Status': 'inner; details="' } }))
  t.strictSame(members((await request(broken.url)).headers).map(({ value }) => value), [{ token: 'holdfast' }])
})

t.test('a failure has the error type of the RFC', async t => {
  const failed = async (gateway: { url: string }, input?: RequestInput): Promise<ReturnType<typeof own> & Pick<Answer, 'status'>> => {
    const { status, headers } = await request(gateway.url, input)
    return { status, ...own(headers) }
  }
  const nobody = await gatewayFor(t, { routes: [{ upstream: 'http://127.0.0.1:1', proxyStatus: true, pool: { connectRetry: 0 } }] })
  t.match(await failed(nobody), { status: 502, error: 'connection_refused', details: { attempts: '0', error: 'HOLDFAST_ERR_CONNECT' } })
  t.notOk('received-status' in await failed(nobody))

  const lost = await between(t, (_request, connection) => connection.end())
  t.match(await failed(lost), { status: 502, error: 'connection_terminated', details: FRESH })

  const begun = await between(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nProxy-Status: inner\r\nContent-Le')
    connection.end()
  })
  t.match(await failed(begun), { status: 502, error: 'http_response_incomplete' })

  const silent = await between(t, () => {}, { undiciOptions: { headersTimeout: 20 } })
  t.match(await failed(silent), { status: 504, error: 'connection_read_timeout' })

  const total = await between(t, () => {}, { totalTimeout: 20 })
  t.match(await failed(total), { status: 504, error: 'http_response_timeout' })

  const garbage = await between(t, (_request, connection) => connection.write('SSH-2.0\r\n\r\n'))
  t.match(await failed(garbage), { status: 502, error: 'http_protocol_error' })

  const upstream = await backendFor(t, persistent(), { tls: certificates().server })
  const untrusted = await gatewayFor(t, { routes: [{ upstream: upstream.url, proxyStatus: true }] })
  t.match(await failed(untrusted), { status: 502, error: 'tls_certificate_error' })

  const full = await between(t, () => {}, { undiciOptions: { connections: 1 }, pool: { maxPending: 0 }, totalTimeout: 300 })
  const first = failed(full)
  await full.backend.waitFor(({ requests }) => requests === 1)
  t.match(await failed(full), { status: 503, error: 'connection_limit_reached', details: { attempts: '0' } })
  await first

  const limited = await between(t, persistent(), { bodyLimit: 1 })
  t.match(await failed(limited, { method: 'POST', body: 'too long' }), { status: 413, error: 'http_request_error', details: {} })
  t.match(await failed(limited, { headers: { via: Array(8).fill('1.1 holdfast').join(', ') } }), { status: 508, error: 'proxy_loop_detected', details: {} })

  const throwing = await between(t, persistent(), { replyOptions: { rewriteHeaders: () => { throw new Error('a mistake') } } })
  t.match(await failed(throwing), { status: 500, error: 'proxy_internal_error' })
})

t.test('an upgrade and a refused upgrade have Proxy-Status', async t => {
  const running = await tunnelFor(t, { route: { proxyStatus: true } })
  const client = await clientFor(t, running)
  client.write(handshake('/live'))
  const response = await client.response()
  t.equal(response.status, 101)
  t.match(own(fields(response)), { 'received-status': 101, details: FRESH })
  const full = await tunnelFor(t, { route: { proxyStatus: true, pool: { maxUpgraded: 0 } } })
  const refused = await refusal(t, `${full.url}/live`)
  t.equal(refused.status, 503)
  t.match(own(refused.headers), { error: 'connection_limit_reached', details: { attempts: '0' } })
})

t.test('Proxy-Status contains no address, port, errno or path', async t => {
  const secret = await between(t, persistent(), { prefix: '/private', pool: { connectRetry: 0 } })
  const fine = String((await request(`${secret.url}/private/x`)).headers['proxy-status'])
  secret.backend.refuse()
  for (const connection of secret.backend.connections) connection.end()
  await until(() => secret.target.snapshot().connections.idle === 0)
  const failed = String((await request(`${secret.url}/private/x`)).headers['proxy-status'])
  t.match(failed, 'connection_refused')
  for (const field of [fine, failed]) t.notMatch(field, new RegExp(`127\\.0|${secret.backend.port}|private|ECONN|next-hop`))
})

t.test('a response says which of several endpoints it came from, without its address', async t => {
  const backends = await Promise.all(['a', 'b'].map(body => backendFor(t, (_request, connection) => connection.reply({ body }))))
  const { url, target } = await gatewayFor(t, { routes: [{ upstream: backends.map(({ url }) => url), balance: 'round-robin', proxyStatus: true }] })
  const ids = new Map(target.endpoints.list().map(({ id, address }) => [address, id]))
  for (let i = 0; i < 4; i++) {
    const { headers, body } = await request(url)
    const id = ids.get(backends['ab'.indexOf(body.toString())]!.url.slice(7))!
    const { details, ...own } = Object.fromEntries(members(headers).at(-1)!.parameters)
    t.match(own, { 'next-hop': { token: id }, 'received-status': 200 })
    t.match(details, `endpoint=${id} connection=`)
    t.notMatch(headers['proxy-status'], '127.0.0.1')
  }
})

t.test('a target of one endpoint has no next hop', async t => {
  const { url } = await between(t, persistent())
  const { headers } = await request(url)
  t.notMatch(headers['proxy-status'], /next-hop|endpoint=/)
})

t.test('a failure names the endpoint that got the request last', async t => {
  const backends = await Promise.all([1, 2].map(() => backendFor(t, (_request, connection) => connection.end())))
  const { url, target } = await gatewayFor(t, { routes: [{ upstream: backends.map(({ url }) => url), proxyStatus: true }] })
  const { status, headers } = await request(url)
  t.equal(status, 502)
  const last = backends[0]!.requests === 1 && backends[1]!.requests === 1 ? own(headers).details['endpoint'] : undefined
  t.ok(target.endpoints.list().some(({ id }) => id === last))
  t.equal(own(headers).details['retries'], 'fresh')
})
