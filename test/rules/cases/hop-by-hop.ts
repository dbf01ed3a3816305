import type { BackendSees, Case, CaseOptions, Script, Sees } from '../case.js'
import { ask, chunks, get, head, ok, post } from './messages.js'

const HOPS = (count: number): string => `Via: ${Array.from({ length: count }, () => '1.1 holdfast').join(', ')}`
const LOOPS = (count: number): string => `CDN-Loop: ${Array.from({ length: count }, () => 'holdfast').join(', ')}`
const WITHOUT_VIA: CaseOptions = { route: { via: false } }
const TRUSTING: CaseOptions = { fastify: { trustProxy: true } }

/** A client's request, and what the backend must get. */
const sent = (name: string, client: Script, headers: BackendSees['headers'], options?: CaseOptions): Case =>
  ({ name, client, sees: { status: 200 }, closed: false, options, backendSees: { requests: 1, headers } })

/** A backend's answer, and what the client must get. */
const relayed = (name: string, backend: Script, sees: Sees, client: string = get('/things')): Case =>
  ({ name, client, backend, sees, closed: false, backendSees: { requests: 1 } })

const requests: Case[] = [
  sent('what Connection names is dropped', get('/', 'Connection: x-secret, X-Other', 'x-secret: 1', 'x-other: 2', 'x-kept: 3'),
    { 'x-secret': null, 'x-other': null, 'x-kept': '3', connection: 'keep-alive' }),
  sent('what a second Connection line names is dropped', get('/', 'Connection: keep-alive', 'Connection: x-secret', 'x-secret: 1'), { 'x-secret': null }),
  sent('Connection with empty elements', get('/', 'Connection: ,,x-secret ,', 'x-secret: 1', 'x-kept: 2'), { 'x-secret': null, 'x-kept': '2' }),
  ...['Keep-Alive: 300', 'Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'Proxy-Authorization: Basic eA==', 'Proxy-Authenticate: Basic', 'TE: trailers', 'TE: gzip',
    'Trailer: x-a', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'].map(line =>
    sent(`${line} is dropped`, get('/', line, 'x-kept: 1'), { [line.slice(0, line.indexOf(':'))]: null, 'x-kept': '1' })),
  sent('Connection: Upgrade with Upgrade: h2c', get('/', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'), { upgrade: null, 'http2-settings': null }),
  sent('a POST with Upgrade: h2c keeps its body', post('/', 'hello', 'Connection: upgrade', 'Upgrade: h2c'), { upgrade: null, 'content-length': '5' }),
  sent('Host cannot be named', get('/', 'Connection: host'), { host: /^127\.0\.0\.1:\d+$/ }),
  sent('Content-Length cannot be named', post('/', 'hello', 'Connection: content-length'), { 'content-length': '5' }),
  sent('Transfer-Encoding cannot be named', 'POST / HTTP/1.1\r\nHost: gateway.test\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n' + chunks('hello'), { 'content-length': '5' }),
  sent('what the gateway adds cannot be named', get('/', 'Connection: via, x-forwarded-for, x-forwarded-host, x-forwarded-proto'),
    { via: '1.1 holdfast', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'gateway.test', 'x-forwarded-proto': 'http' }),
  sent('X-Forwarded-* of a client that is not trusted', get('/', 'X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Host: evil.test', 'X-Forwarded-Proto: https'),
    { 'x-forwarded-for': ['127.0.0.1'], 'x-forwarded-host': ['gateway.test'], 'x-forwarded-proto': ['http'] }),
  sent('Forwarded of a client that is not trusted', get('/', 'Forwarded: for=192.0.2.1'), { forwarded: null }),
  sent('X-Forwarded-* of a trusted peer', get('/', 'X-Forwarded-For: 192.0.2.1, 192.0.2.2', 'X-Forwarded-Host: public.test', 'X-Forwarded-Proto: https'),
    { 'x-forwarded-for': ['192.0.2.1, 192.0.2.2, 127.0.0.1'], 'x-forwarded-host': ['public.test'], 'x-forwarded-proto': ['https'] }, TRUSTING),
  sent('X-Forwarded-For in two lines of a trusted peer', get('/', 'X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 192.0.2.2'), { 'x-forwarded-for': ['192.0.2.1, 192.0.2.2, 127.0.0.1'] }, TRUSTING),
  sent('Forwarded of a trusted peer is extended', get('/', 'X-Forwarded-For: 192.0.2.1', 'Forwarded: for=192.0.2.1'), { forwarded: /^for=192\.0\.2\.1, for=127\.0\.0\.1;/ }, TRUSTING),
  sent('Forwarded is not started', get('/', 'X-Forwarded-For: 192.0.2.1'), { forwarded: null }, TRUSTING),
  sent('names with _ that imitate them', get('/', 'X_Forwarded_For: 192.0.2.1', 'X_Forwarded-Proto: https', 'X_Kept: 1'), { x_forwarded_for: null, 'x_forwarded-proto': null, x_kept: '1' }),
  sent('Via is added', get('/'), { via: '1.1 holdfast' }),
  sent('Via is extended', get('/', 'Via: 1.0 fred, 1.1 wilma'), { via: '1.0 fred, 1.1 wilma, 1.1 holdfast' }),
  sent('seven times through here', get('/', HOPS(7)), { via: /holdfast$/ }),
  { name: 'eight times through here', client: get('/', HOPS(8)), sees: { status: 508 }, backend: 'none' },
  { name: 'eight times through here, over two lines', client: get('/', HOPS(4), HOPS(4)), sees: { status: 508 }, backend: 'none' },
  sent('Via is left as it came where none is added', get('/', 'Via: 1.0 fred'), { via: ['1.0 fred'], 'cdn-loop': 'holdfast' }, WITHOUT_VIA),
  sent('CDN-Loop is added', get('/'), { 'cdn-loop': 'holdfast' }),
  sent('CDN-Loop is extended', get('/', 'CDN-Loop: a.test; b="c"', 'cdn-loop: d'), { 'cdn-loop': ['a.test; b="c", d, holdfast'] }),
  sent('CDN-Loop cannot be named', get('/', 'Connection: cdn-loop', 'CDN-Loop: a.test'), { 'cdn-loop': 'a.test, holdfast' }),
  sent('seven times through here, without Via', get('/', LOOPS(7)), { via: null, 'cdn-loop': /holdfast$/ }, WITHOUT_VIA),
  { name: 'eight times through here, without Via', client: get('/', LOOPS(8)), sees: { status: 508 }, backend: 'none', options: WITHOUT_VIA },
  { name: 'eight times through here, and its Connection names them', client: get('/', 'Connection: via, cdn-loop', LOOPS(8)), sees: { status: 508 }, backend: 'none' },
  { name: 'OPTIONS with Max-Forwards: 0 is answered here', client: ask('OPTIONS', '/things', 'Max-Forwards: 0'), sees: { status: [200, 204] }, backend: 'none', closed: false },
  sent('OPTIONS with Max-Forwards: 5', ask('OPTIONS', '/things', 'Max-Forwards: 5'), { 'max-forwards': '4' }),
  sent('GET with Max-Forwards: 5', get('/things', 'Max-Forwards: 5'), { 'max-forwards': '5' }),
  sent('lines of one name stay lines', get('/', 'x-a: 1', 'x-b: 2', 'x-a: 3'), { 'x-a': ['1', '3'] }),
  sent('bytes stay bytes', get('/', 'x-a: caf\xe9 \xff\x80'), { 'x-a': 'caf\xe9 \xff\x80' }),
  sent('an empty value', get('/', 'x-a:'), { 'x-a': '' }),
  sent('names of the machinery', get('/', '__proto__: 1', 'constructor: 2', 'x-kept: 3'), { constructor: '2', 'x-kept': '3' })
]

const GONE = { connection: /^keep-alive$/, 'keep-alive': /^timeout=\d+$/ }

const responses: Case[] = [
  relayed("a backend's Connection: close ends no client's connection", [ok('hello', 'Connection: close'), { do: 'fin' }], { status: 200, headers: GONE, body: 'hello' }),
  relayed('what Connection names is dropped', ok('hello', 'Connection: keep-alive, x-internal', 'x-internal: 1', 'x-kept: 2'), { status: 200, headers: { 'x-internal': null, 'x-kept': '2' } }),
  relayed('Content-Length cannot be named', ok('hello', 'Connection: content-length'), { status: 200, body: 'hello', headers: { 'content-length': '5' } }),
  ...['Keep-Alive: timeout=7, max=42', 'Proxy-Connection: keep-alive', 'Proxy-Authenticate: Basic', 'Proxy-Authorization: x', 'TE: trailers', 'Upgrade: h2c', 'HTTP2-Settings: x', 'Trailer: x-a'].map(line => {
    const name = line.slice(0, line.indexOf(':'))
    return relayed(`${line} is dropped`, ok('hello', line), { status: 200, body: 'hello', headers: { [name]: name === 'Keep-Alive' ? GONE['keep-alive'] : null } })
  }),
  relayed('Trailer with a 204', head('204 No Content', 'Trailer: x-a'), { status: 204, headers: { trailer: null } }),
  relayed('Trailer with a 304', head('304 Not Modified', 'Trailer: x-a', 'ETag: "1"'), { status: 304, headers: { trailer: null, etag: '"1"' } }),
  relayed('Trailer with the answer to a HEAD', head('200 OK', 'Trailer: x-a', 'Content-Length: 5'), { status: 200, headers: { trailer: null, 'content-length': '5' } }, ask('HEAD', '/things')),
  relayed('trailers are dropped', `${head('200 OK', 'Transfer-Encoding: chunked', 'Trailer: x-a')}5\r\nhello\r\n0\r\nx-a: 1\r\n\r\n`, { status: 200, body: 'hello', headers: { trailer: null } }),
  {
    name: 'trailers for a client that speaks HTTP/1.0',
    client: 'GET / HTTP/1.0\r\nHost: gateway.test\r\n\r\n',
    backend: [`${head('200 OK', 'Transfer-Encoding: chunked', 'Trailer: x-a')}5\r\nhello\r\n`, { pause: 20 }, '0\r\nx-a: 1\r\n\r\n'],
    sees: { status: 200, body: 'hello', headers: { trailer: null } },
    closed: true
  },
  relayed('two Location lines', 'HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n', { status: 302 }),
  relayed('Set-Cookie lines stay lines', ok('', 'Set-Cookie: a=1; Path=/', 'x-a: 1', 'Set-Cookie: b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT'),
    { status: 200, headers: { 'set-cookie': ['a=1; Path=/', 'b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT'] } }),
  relayed('two WWW-Authenticate lines', 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n',
    { status: 401, headers: { 'www-authenticate': ['Basic', 'Bearer'] } }),
  relayed('Via is added', ok(''), { status: 200, headers: { via: '1.1 holdfast' } }),
  relayed('Via is extended', ok('', 'Via: 1.0 fred'), { status: 200, headers: { via: '1.0 fred, 1.1 holdfast' } }),
  { ...relayed('no Via where none is added', ok(''), { status: 200, headers: { via: null } }), options: WITHOUT_VIA },
  relayed('Via cannot be named', ok('', 'Connection: via'), { status: 200, headers: { via: '1.1 holdfast' } }),
  relayed('bytes stay bytes', ok('\xe9', 'x-a: caf\xe9 \xff\x80', 'Content-Type: text/plain'), { status: 200, body: '\xe9', headers: { 'x-a': 'caf\xe9 \xff\x80', 'content-type': 'text/plain' } }),
  relayed('names of the machinery', ok('hello', '__proto__: 1', 'constructor: 2', 'toString: 3'), { status: 200, body: 'hello', headers: { constructor: '2' } }),
  relayed('one Date', ok('', 'Date: Thu, 01 Jan 2026 00:00:00 GMT'), { status: 200, headers: { date: 'Thu, 01 Jan 2026 00:00:00 GMT' } }),
  relayed('a coded body stays coded', ok('\x1f\x8b\b', 'Content-Encoding: gzip'), { status: 200, body: '\x1f\x8b\b', headers: { 'content-encoding': 'gzip', 'content-length': '3' } })
]

export const cases: readonly Case[] = [
  ...requests.map(one => ({ ...one, name: `to the backend: ${one.name}` })),
  ...responses.map(one => ({ ...one, name: `to the client: ${one.name}` }))
]
