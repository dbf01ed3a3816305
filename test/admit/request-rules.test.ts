import dns from 'node:dns'
import { connect } from 'node:http2'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import type { GatewayOptions } from '../../src/index.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import { rawClient } from '../../testing/client.js'
import type { RawClient } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

const echo: BackendScript = ({ method, path, body, header }, connection) => connection.reply({
  body: JSON.stringify({ method, path, body: body.toString(), type: header('content-type'), maxForwards: header('max-forwards') })
})

type Between = RunningGateway & { backend: Backend }
async function between (t: Test, gateway: GatewayOptions | false = {}): Promise<Between> {
  const backend = await backendFor(t, echo, { log: true })
  return Object.assign(await gatewayFor(t, { gateway, routes: [{ upstream: backend.url }] }), { backend })
}

const H = 'Host: a.test\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const LAST = '0\r\n\r\n'

type Row = [title: string, bytes: string, status: number, code: string]
/** Bytes that the rules refuse, with a code of Holdfast. */
const OURS: Row[] = [
  ['two Hosts', `GET / HTTP/1.1\r\n${H}${H}\r\n`, 400, 'BAD_REQUEST'],
  ['two Hosts in HTTP/1.0', `GET / HTTP/1.0\r\n${H}Host: b.test\r\n\r\n`, 400, 'BAD_REQUEST'],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400, 'BAD_REQUEST'],
  ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, 'BAD_REQUEST'],
  ['Transfer-Encoding in HTTP/1.0', `POST / HTTP/1.0\r\n${H}${CHUNKED}\r\n${LAST}`, 400, 'BAD_REQUEST'],
  ['an empty Transfer-Encoding', `POST / HTTP/1.1\r\n${H}Transfer-Encoding:\r\n\r\n`, 400, 'BAD_REQUEST'],
  ['chunked and nothing more', `POST / HTTP/1.1\r\n${H}${CHUNKED}Transfer-Encoding:\r\n\r\n${LAST}`, 400, 'BAD_REQUEST'],
  ...['gzip', 'identity', 'xchunked', '"chunked"'].map((value): Row =>
    [`Transfer-Encoding: ${value}`, `POST / HTTP/1.1\r\n${H}Transfer-Encoding: ${value}\r\n\r\n${LAST}`, 501, 'UNSUPPORTED_CODING']),
  ['gzip, chunked', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: gzip, chunked\r\n\r\n${LAST}`, 501, 'UNSUPPORTED_CODING'],
  ['HTTP/0.9 with its version', `GET / HTTP/0.9\r\n${H}\r\n`, 505, 'HTTP_VERSION'],
  ['HTTP/0.9', 'GET /\r\n\r\n', 505, 'HTTP_VERSION'],
  ['HTTP/2.0 on a line', `GET / HTTP/2.0\r\n${H}\r\n`, 505, 'HTTP_VERSION'],
  ['HTTP/1.2', `GET / HTTP/1.2\r\n${H}\r\n`, 505, 'HTTP_VERSION'],
  ['HTTP/3.0', `GET / HTTP/3.0\r\n${H}\r\n`, 505, 'HTTP_VERSION'],
  ['1 001 lines', `GET / HTTP/1.1\r\n${H}${'a: b\r\n'.repeat(1_000)}\r\n`, 431, 'TOO_MANY_HEADERS'],
  ['a Host beyond what is kept', `GET / HTTP/1.1\r\n${H}${'a: b\r\n'.repeat(2_000)}Host: b.test\r\n\r\n`, 431, 'TOO_MANY_HEADERS'],
  ['CONNECT', `CONNECT b.test:443 HTTP/1.1\r\n${H}\r\n`, 405, 'METHOD'],
  ['another expectation', `GET / HTTP/1.1\r\n${H}Expect: 200-ok\r\n\r\n`, 417, 'EXPECTATION'],
  ['another expectation beside 100-continue', `POST / HTTP/1.1\r\n${H}Expect: 100-continue, x\r\nContent-Length: 0\r\n\r\n`, 417, 'EXPECTATION'],
  ['an absolute target of another host', `GET http://b.test/ HTTP/1.1\r\n${H}\r\n`, 400, 'BAD_REQUEST'],
  ['a NUL in the path', `GET /%00 HTTP/1.1\r\n${H}\r\n`, 400, 'BAD_REQUEST'],
  ['two dots', `GET /a/../b HTTP/1.1\r\n${H}\r\n`, 400, 'BAD_REQUEST'],
  ['two dots, encoded', `GET /a%2f%2e%2e%2fb HTTP/1.1\r\n${H}\r\n`, 400, 'BAD_REQUEST'],
  ['two dots and a parameter', `GET /a/..;/b HTTP/1.1\r\n${H}\r\n`, 400, 'BAD_REQUEST'],
  ['a backslash', `GET /a\\b HTTP/1.1\r\n${H}\r\n`, 400, 'BAD_REQUEST'],
  ['a fragment', `GET /a#b HTTP/1.1\r\n${H}\r\n`, 400, 'BAD_REQUEST'],
  ['a Max-Forwards that is none', `OPTIONS / HTTP/1.1\r\n${H}Max-Forwards: x\r\n\r\n`, 400, 'BAD_REQUEST']
]

/** Bytes that the rules refuse on proxied routes only. */
const UNROUTED: Row[] = [
  ['TRACE', `TRACE / HTTP/1.1\r\n${H}\r\n`, 405, 'METHOD'],
  ['TRACE with a body', `TRACE / HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\nhello`, 405, 'METHOD'],
  ['GET *', `GET * HTTP/1.1\r\n${H}\r\n`, 400, 'BAD_REQUEST']
]

/** Bytes that node 24's parser refuses before any hook, with the same status; node 20's parser accepts them. */
const REFUSED_BY_NODE_24 = new Set(['an empty Transfer-Encoding', 'chunked and nothing more', '1 001 lines', 'a Host beyond what is kept'])

function isNodes (what: string, { code }: { code: string | undefined }): boolean {
  return code === undefined && REFUSED_BY_NODE_24.has(what)
}

/** Bytes that node's parser refuses before any hook. */
const NODES: [title: string, bytes: string][] = [
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['Content-Length and Transfer-Encoding', `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\n${CHUNKED}\r\n${LAST}`],
  ['Transfer-Encoding and Content-Length', `POST / HTTP/1.1\r\n${H}${CHUNKED}Content-Length: 5\r\n\r\n${LAST}`],
  ...['5\r\nContent-Length: 5', '5\r\nContent-Length: 6', '5, 5', '+5', '-5', '0x5', '5 5', '', 'five', '99999999999999999999'].map((value): [string, string] =>
    [`Content-Length: ${JSON.stringify(value)}`, `POST / HTTP/1.1\r\n${H}Content-Length: ${value}\r\n\r\nhello`]),
  ...['chunked, gzip', 'chunked, chunked', 'chunked\r\nTransfer-Encoding: chunked', '\vchunked'].map((value): [string, string] =>
    [`Transfer-Encoding: ${JSON.stringify(value)}`, `POST / HTTP/1.1\r\n${H}Transfer-Encoding: ${value}\r\n\r\n${LAST}`]),
  ['a folded line', `GET / HTTP/1.1\r\n${H}a: 1\r\n 2\r\n\r\n`],
  ['a bare LF', `GET / HTTP/1.1\r\n${H}a: 1\nb: 2\r\n\r\n`],
  ['a bare CR', `GET / HTTP/1.1\r\n${H}a: 1\rb: 2\r\n\r\n`],
  ['a space before a colon', `GET / HTTP/1.1\r\n${H}a : 1\r\n\r\n`],
  ['a control character in a value', `GET / HTTP/1.1\r\n${H}a: \x01\r\n\r\n`],
  ['a control character in the target', `GET /\x7f HTTP/1.1\r\n${H}\r\n`],
  ['a target that is no path', `GET a HTTP/1.1\r\n${H}\r\n`],
  ['a broken chunk size', `POST / HTTP/1.1\r\n${H}${CHUNKED}\r\n0x5\r\nhello\r\n${LAST}`]
]

/** Writes bytes on a new connection. Resolves to the status and the code that came before the connection closed. */
async function refusalOf (client: RawClient, bytes: string): Promise<{ status: number, code: string | undefined }> {
  client.write(Buffer.from(bytes, 'latin1'))
  const { status, body } = await client.response()
  await client.ended
  const { code } = JSON.parse(body.toString() || '{}') as { code?: string }
  return { status, code: code?.replace('HOLDFAST_ERR_', '') }
}

for (const [title, setup, rows] of [['by the gateway', {}, [...OURS, ...UNROUTED]], ['by a proxy without one', false, OURS]] as const) {
  t.test(`an ambiguous request is refused ${title}, and its connection closed`, async t => {
    const running = await between(t, setup)
    const { backend } = running
    for (const [what, bytes, status, code] of rows) {
      const refusal = await refusalOf(await clientFor(t, running), bytes)
      t.strictSame(refusal, { status, code: isNodes(what, refusal) ? undefined : code }, what)
    }
    for (const [what, bytes] of NODES) t.match(await refusalOf(await clientFor(t, running), bytes), { status: 400 }, what)
    t.equal(backend.accepted, 0, 'the backend got no connection')
    const canary = await clientFor(t, running)
    canary.write(`GET /canary HTTP/1.1\r\n${H}\r\n`)
    t.match(JSON.parse((await canary.response()).body.toString()), { path: '/canary' })
  })
}

t.test('without a gateway plugin the app answers what proxied routes refuse, and nothing is forwarded', async t => {
  const running = await between(t, false)
  for (const [what, bytes] of [...UNROUTED, ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${H}\r\n`]]) {
    const client = await clientFor(t, running)
    client.write(bytes!)
    t.ok([204, 400, 404, 405].includes((await client.response()).status), what!)
  }
  t.equal(running.backend.accepted, 0)
})

t.test('the rules hold for the app\'s own routes and its 404', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gateway)
  app.get('/own', () => 'own')
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  for (const path of ['/own', '/none']) {
    t.match(await refusalOf(await clientFor(t, { port }), `GET ${path} HTTP/1.1\r\n${H}${H}\r\n`), { status: 400, code: 'BAD_REQUEST' }, path)
  }
})

// Fastify's router refuses most of them before any hook.
t.test('broken escapes and targets that are no path are refused', async t => {
  const running = await between(t)
  for (const path of ['/%', '/%zz', '/a%2', '/%ff', 'ftp://a.test/', 'ftp://a.test/b?c', 'httpx://a.test/']) {
    const client = await clientFor(t, running)
    client.write(`GET ${path} HTTP/1.1\r\n${H}\r\n`)
    t.equal((await client.response()).status, 400, path)
  }
  t.equal(running.backend.accepted, 0)
})

t.test('every other path is forwarded byte for byte', async t => {
  const running = await between(t)
  const client = await clientFor(t, running)
  for (const path of ['/a%2fb', '/a%2Fb', '/%c3%a9', '/a//b', '/a/./b', '/.well-known/a', '/a..b', '/a%5cb', '/%252e%252e/a', '/a{}|"^`<>', '/a;b=c', '/a?b=../..', '/a?b=100%&c=%00', '/a?b?c']) {
    client.write(`GET ${path} HTTP/1.1\r\n${H}\r\n`)
    t.match(JSON.parse((await client.response()).body.toString()), { path }, path)
  }
})

t.test('the path of an absolute target is used', async t => {
  const client = await clientFor(t, await between(t))
  for (const [target, path] of [['http://a.test/b?c', '/b?c'], ['http://A.TEST', '/'], ['https://a.test?c', '/?c']] as const) {
    client.write(`GET ${target} HTTP/1.1\r\n${H}\r\n`)
    t.equal((JSON.parse((await client.response()).body.toString()) as { path: string }).path, path, target)
  }
})

t.test('the gateway answers OPTIONS * and OPTIONS with Max-Forwards: 0', async t => {
  const running = await between(t)
  const client = await clientFor(t, running)
  for (const request of [`OPTIONS * HTTP/1.1\r\n${H}\r\n`, `OPTIONS http://a.test HTTP/1.1\r\n${H}\r\n`, `OPTIONS /a HTTP/1.1\r\n${H}Max-Forwards: 0\r\n\r\n`]) {
    client.write(request)
    const { status, body } = await client.response()
    t.strictSame([status, body.length], [204, 0], request)
  }
  t.equal(running.backend.accepted, 0)
  for (const [method, before, after] of [['OPTIONS', '5', '4'], ['OPTIONS', '1', '0'], ['GET', '5', '5'], ['GET', '0', '0']]) {
    client.write(`${method} /a HTTP/1.1\r\n${H}Max-Forwards: ${before}\r\n\r\n`)
    t.match(JSON.parse((await client.response()).body.toString()), { maxForwards: after }, `${method} ${before}`)
  }
})

t.test('an empty or odd Content-Type is forwarded to the backend', async t => {
  const client = await clientFor(t, await between(t))
  for (const type of ['', 'nonsense', 'a/b/c; d', 'application/json; charset', 'text/plain']) {
    client.write(`POST / HTTP/1.1\r\n${H}Content-Type: ${type}\r\nContent-Length: 5\r\n\r\nhello`)
    t.match(JSON.parse((await client.response()).body.toString()), { body: 'hello', type }, JSON.stringify(type))
  }
})

t.test('with an option that parses bodies Fastify judges the Content-Type', async t => {
  const backend = await backendFor(t, echo)
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, proxyPayloads: false }] })
  const client = await clientFor(t, running)
  client.write(`POST / HTTP/1.1\r\n${H}Content-Type: nonsense\r\nContent-Length: 5\r\n\r\nhello`)
  t.equal((await client.response()).status, 415)
})

t.test('bytes after a refused request are never a request: they may be its body', async t => {
  const running = await between(t)
  t.match(await refusalOf(await clientFor(t, running), `POST / HTTP/1.1\r\n${H}Transfer-Encoding: gzip, chunked\r\n\r\n${LAST}GET /smuggled HTTP/1.1\r\n${H}\r\n`), { status: 501 })
  t.equal(running.backend.accepted, 0)
})

t.test('the server\'s own limit of header lines holds', async t => {
  const backend = await backendFor(t, echo)
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url }], before: app => { app.server.maxHeadersCount = 40 } })
  const lines = (count: number): string => `GET / HTTP/1.1\r\n${H}${'a: b\r\n'.repeat(count - 1)}\r\n`
  const client = await clientFor(t, running)
  client.write(lines(39))
  t.equal((await client.response()).status, 200)
  for (const count of [41, 64, 100, 1_500]) t.match(await refusalOf(await clientFor(t, running), lines(count)), { status: 431 }, `${count}`)
})

t.test('the rules hold on the second server of localhost', async t => {
  const { lookup } = dns
  t.teardown(() => { dns.lookup = lookup })
  // On some machines localhost has one address only.
  const two = (name: string, options: object, callback: (error: null, addresses: dns.LookupAddress[]) => void): void => {
    if (name === 'localhost' && 'all' in options && options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }, { address: '127.0.0.2', family: 4 }])
    else Reflect.apply(lookup, dns, [name, options, callback])
  }
  dns.lookup = two as typeof dns.lookup
  const backend = await backendFor(t, echo)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gateway, { drain: { deadline: 200 } })
  await app.register(proxy, { upstream: backend.url })
  await app.listen({ port: 0, host: 'localhost' })
  const { port } = app.server.address() as AddressInfo
  for (const address of ['127.0.0.1', '127.0.0.2']) {
    for (const [what, bytes, status, code] of [...OURS, ...UNROUTED]) {
      const client = await rawClient(port, address)
      const refusal = await refusalOf(client, bytes)
      t.strictSame(refusal, { status, code: isNodes(what, refusal) ? undefined : code }, `${what} on ${address}`)
    }
    for (const [what, bytes] of NODES) t.match(await refusalOf(await rawClient(port, address), bytes), { status: 400 }, `${what} on ${address}`)
  }
  t.equal(backend.accepted, 0)
  const client = await rawClient(port, '127.0.0.2')
  client.write(`POST / HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 9999999\r\nMax-Forwards: 1\r\n\r\n`)
  t.equal((await client.response()).status, 100)
  client.destroy()
})

t.test('over HTTP/2 pseudo-headers are no error, and the rules that do not depend on HTTP/1 hold', async t => {
  const backend = await backendFor(t, echo)
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(gateway, { drain: { deadline: 200 }, pressure: false })
  await app.register(proxy, { upstream: backend.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.destroy())
  const ask = async (headers: OutgoingHttpHeaders): Promise<number | undefined> => await new Promise((resolve, reject) => {
    const stream = session.request(headers)
    stream.once('response', (head: IncomingHttpHeaders & { ':status'?: number }) => {
      stream.resume()
      resolve(head[':status'])
    }).once('error', reject)
    stream.end()
  })
  const refused: [headers: OutgoingHttpHeaders, status: number][] = [
    [{ ':path': '/%00' }, 400], [{ ':path': '/a/%2e%2e/b' }, 400], [{ ':path': '/a\\b' }, 400], [{ ':method': 'TRACE' }, 405], [{ ':authority': 'a,b' }, 400],
    [{ ':authority': 'a', host: 'b' }, 400], [{ expect: '200-ok' }, 417], [{ ':method': 'OPTIONS', ':path': '*' }, 204]
  ]
  for (const [headers, status] of refused) t.equal(await ask(headers), status, JSON.stringify(headers))
  t.equal(backend.accepted, 0)
  t.equal(await ask({ ':path': '/a%2fb' }), 200)
})

t.test('the rules hold for inject()', async t => {
  const { app, backend } = await between(t)
  t.equal((await app.inject({ url: '/%00' })).statusCode, 400)
  t.equal((await app.inject({ url: '/', headers: { host: 'a/b' } })).statusCode, 400)
  t.equal((await app.inject({ method: 'OPTIONS', url: '/', headers: { 'max-forwards': '0' } })).statusCode, 204)
  t.equal(backend.accepted, 0)
  t.equal((await app.inject({ method: 'POST', url: '/', payload: { a: 1 } })).statusCode, 200)
})
