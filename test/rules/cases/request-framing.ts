import type { BackendSees, Case, CaseOptions, Script, Sees } from '../case.js'
import { ask, bytewise, chunked, chunks, get, ok, post } from './messages.js'

interface More { status?: number | readonly number[], options?: CaseOptions, todo?: string }

/** Refused before a backend is asked, and the connection is closed. */
const refused = (name: string, client: Script, { status = 400, ...more }: More = {}): Case =>
  ({ name, client, sees: { status }, closed: true, backend: 'none', ...more })

/** Forwarded, answered with 200, and the connection is kept. */
const passes = (name: string, client: Script, backendSees: BackendSees = {}, more: Partial<Pick<Case, 'options' | 'todo' | 'backend'>> & { sees?: Sees } = {}): Case =>
  ({ name, client, sees: { status: 200 }, closed: false, backendSees: { requests: 1, ...backendSees }, ...more })

const POST = 'POST /things HTTP/1.1\r\nHost: gateway.test\r\n'
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n'
const SMALL_REPLAY: CaseOptions = { route: { retry: { replayLimit: 4 } } }
const SLOW = [{ pause: 100 }, ok('slow')]

const lengths: Case[] = [
  refused('Content-Length and Transfer-Encoding', `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  refused('Transfer-Encoding and then Content-Length', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`),
  refused('two equal Content-Lengths', `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`),
  refused('two different Content-Lengths', `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`),
  refused('Content-Length with a list of equal values', `${POST}Content-Length: 5, 5\r\n\r\nhello`),
  ...['+5', '-5', '0x5', '5 5', '5;', '5.0', '', 'five', '99999999999999999999999'].map(value =>
    refused(`Content-Length: ${JSON.stringify(value)}`, `${POST}Content-Length: ${value}\r\n\r\nhello`)),
  refused('a Content-Length within Connection, and one that is none', `${POST}Connection: content-length\r\nContent-Length: x\r\n\r\n`)
]

const codings: Case[] = [
  refused('Transfer-Encoding: gzip, which is unknown here', `${POST}Transfer-Encoding: gzip\r\n\r\n`, { status: [400, 501] }),
  refused('Transfer-Encoding: gzip, chunked', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, { status: 501 }),
  refused('Transfer-Encoding: identity', `${POST}Transfer-Encoding: identity\r\n\r\n`, { status: [400, 501] }),
  refused('Transfer-Encoding: xchunked', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, { status: [400, 501] }),
  refused('Transfer-Encoding: chunked, chunked', `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`),
  refused('Transfer-Encoding: chunked, identity', `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, { status: [400, 501] }),
  refused('two Transfer-Encoding lines', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  refused('an empty Transfer-Encoding', `${POST}Transfer-Encoding: \r\n\r\n0\r\n\r\n`),
  refused('a vertical tab before chunked', `${POST}Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n`),
  refused('Transfer-Encoding in HTTP/1.0', 'POST /things HTTP/1.0\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  passes('Transfer-Encoding: Chunked, for codings know no case', `${POST}Transfer-Encoding: Chunked\r\n\r\n${chunks('hello')}`, { bodies: ['hello'] })
]

const chunkCases: Case[] = [
  ...['0x5', '-5', ' 5', 'g', '', 'fffffffffffffffffff', '5\t', '+5'].map(size =>
    refused(`a chunk size of ${JSON.stringify(size)}`, chunked('/things', `${size}\r\nhello\r\n0\r\n\r\n`))),
  refused('a chunk longer than it says', chunked('/things', '3\r\nhello\r\n0\r\n\r\n')),
  refused('a chunk that ends with a bare LF', chunked('/things', '5\r\nhello\n0\r\n\r\n')),
  refused('a chunk size that ends with a bare LF', chunked('/things', '5\nhello\r\n0\r\n\r\n')),
  refused('a chunk extension with a bare CR', chunked('/things', '5;a\rb\r\nhello\r\n0\r\n\r\n')),
  refused('a trailer that is folded', chunked('/things', '5\r\nhello\r\n0\r\nx: 1\r\n y\r\n\r\n')),
  refused('a trailer that would frame the body', chunked('/things', '5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n')),
  passes('chunk extensions are dropped', chunked('/things', '5;name=value;other="x;y"\r\nhello\r\n0;last\r\n\r\n'), { bodies: ['hello'] }),
  passes('trailers are dropped', chunked('/things', '5\r\nhello\r\n0\r\nx-trailer: 1\r\nHost: evil.test\r\n\r\n'),
    { bodies: ['hello'], headers: { 'x-trailer': null, 'content-length': '5' }, lacks: [/evil/] }),
  passes('trailers of a streamed body are dropped', chunked('/things', `${chunks('a'.repeat(99)).slice(0, -2)}x-trailer: 1\r\n\r\n`),
    { bodies: ['a'.repeat(99)], lacks: [/x-trailer/] }, { options: SMALL_REPLAY })
]

const fields: Case[] = [
  refused('a folded field', 'GET / HTTP/1.1\r\nHost: gateway.test\r\nx-a: 1\r\n 2\r\n\r\n'),
  refused('a field folded with a tab', 'GET / HTTP/1.1\r\nHost: gateway.test\r\nx-a: 1\r\n\t2\r\n\r\n'),
  refused('a space before the first field', 'GET / HTTP/1.1\r\n Host: gateway.test\r\n\r\n'),
  refused('lines that end with a bare LF', 'GET / HTTP/1.1\nHost: gateway.test\n\n'),
  refused('one line that ends with a bare LF', 'GET / HTTP/1.1\r\nHost: gateway.test\nx-a: 1\r\n\r\n'),
  refused('a bare CR within a value', 'GET / HTTP/1.1\r\nHost: gateway.test\r\nx-a: 1\rx-b: 2\r\n\r\n'),
  refused('a bare CR for a line end', 'GET / HTTP/1.1\rHost: gateway.test\r\r'),
  refused('a space before the colon', 'GET / HTTP/1.1\r\nHost: gateway.test\r\nx-a : 1\r\n\r\n'),
  refused('a space before the colon of Content-Length', `${POST}Content-Length : 5\r\n\r\nhello`),
  refused('a space before the colon of Transfer-Encoding', `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`),
  ...['\0', '\x01', '\x08', '\v', '\f', '\x1f', '\x7f'].map(byte =>
    refused(`${JSON.stringify(byte)} within a value`, `GET / HTTP/1.1\r\nHost: gateway.test\r\nx-a: 1${byte}2\r\n\r\n`)),
  refused('a NUL within a name', 'GET / HTTP/1.1\r\nHost: gateway.test\r\nx\0a: 1\r\n\r\n'),
  refused('a name that is no token', 'GET / HTTP/1.1\r\nHost: gateway.test\r\nx(a): 1\r\n\r\n'),
  refused('a field without a name', 'GET / HTTP/1.1\r\nHost: gateway.test\r\n: 1\r\n\r\n'),
  refused('a field without a colon', 'GET / HTTP/1.1\r\nHost: gateway.test\r\nnonsense\r\n\r\n'),
  refused('more field lines than are kept', get('/things', ...Array.from({ length: 3_000 }, () => 'a: b')), { status: 431 }),
  refused('a second Host beyond the lines that are kept', get('/things', ...Array.from({ length: 2_100 }, () => 'a: b'), 'Host: evil.test'), { status: [400, 431] }),
  refused('a head that is too large', get('/things', `x-a: ${'a'.repeat(100_000)}`), { status: 431 })
]

const hosts: Case[] = [
  refused('no Host', 'GET / HTTP/1.1\r\nx-a: 1\r\n\r\n'),
  refused('two different Hosts', 'GET / HTTP/1.1\r\nHost: gateway.test\r\nHost: evil.test\r\n\r\n'),
  refused('two equal Hosts', 'GET / HTTP/1.1\r\nHost: gateway.test\r\nHost: gateway.test\r\n\r\n'),
  refused('two Hosts in HTTP/1.0', 'GET / HTTP/1.0\r\nHost: gateway.test\r\nHost: evil.test\r\n\r\n'),
  ...['a b', 'a/b', 'user@gateway.test', 'a,b', 'gateway.test:port', '[::1', 'http://gateway.test', 'a\\b', 'a?b', 'a#b', '<a>'].map(host =>
    refused(`Host: ${host}`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)),
  ...['gateway.test:8080', '[2001:db8::1]:80', 'xn--bcher-kva.test', '192.0.2.1', 'under_score.test'].map(host =>
    passes(`Host: ${host}`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, { headers: { host: /^127\.0\.0\.1:\d+$/, 'x-forwarded-host': host } }))
]

const versions: Case[] = [
  refused('HTTP/0.9', 'GET /\r\n\r\n', { status: [400, 505] }),
  refused('HTTP/2.0 on a line', 'GET / HTTP/2.0\r\nHost: gateway.test\r\n\r\n', { status: 505 }),
  refused('HTTP/1.2', 'GET / HTTP/1.2\r\nHost: gateway.test\r\n\r\n', { status: [400, 505] }),
  refused('HTTP/0.9 with a version', 'GET / HTTP/0.9\r\nHost: gateway.test\r\n\r\n', { status: [400, 505] }),
  refused('HTTP/3.1', 'GET / HTTP/3.1\r\nHost: gateway.test\r\n\r\n', { status: [400, 505] }),
  refused('HTTP/1.10', 'GET / HTTP/1.10\r\nHost: gateway.test\r\n\r\n', { status: [400, 505] }),
  refused('a protocol in lower case', 'GET / http/1.1\r\nHost: gateway.test\r\n\r\n'),
  refused('the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', { status: [400, 505] }),
  refused('a TLS handshake', Buffer.from('1603010200010001fc0303', 'hex')),
  {
    name: 'HTTP/1.0 gets an answer that ends with its connection',
    client: 'GET / HTTP/1.0\r\nHost: gateway.test\r\n\r\n',
    sees: { status: 200, headers: { 'transfer-encoding': null } },
    closed: true
  },
  {
    name: 'a streamed answer to HTTP/1.0 is not chunked',
    client: 'GET / HTTP/1.0\r\nHost: gateway.test\r\n\r\n',
    backend: ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', { pause: 30 }, '5\r\nworld\r\n0\r\n\r\n'],
    sees: { status: 200, headers: { 'transfer-encoding': null }, body: 'helloworld' },
    closed: true
  }
]

const targets: Case[] = [
  passes('an absolute-form target: its path is used', 'GET http://gateway.test/things?a=b HTTP/1.1\r\nHost: gateway.test\r\n\r\n', { paths: ['/things?a=b'] }),
  refused('an absolute-form target of another host', 'GET http://evil.test/things HTTP/1.1\r\nHost: gateway.test\r\n\r\n'),
  refused('an absolute-form target with credentials', 'GET http://gateway.test@evil.test/things HTTP/1.1\r\nHost: gateway.test\r\n\r\n'),
  refused('an absolute-form target of another scheme', 'GET ftp://gateway.test/things HTTP/1.1\r\nHost: gateway.test\r\n\r\n'),
  refused('a target without a slash', 'GET things HTTP/1.1\r\nHost: gateway.test\r\n\r\n'),
  refused('a space within the target', 'GET /a b HTTP/1.1\r\nHost: gateway.test\r\n\r\n'),
  refused('a NUL within the target', 'GET /a\0b HTTP/1.1\r\nHost: gateway.test\r\n\r\n'),
  refused('a DEL within the target', 'GET /a\x7fb HTTP/1.1\r\nHost: gateway.test\r\n\r\n'),
  { name: 'OPTIONS * is answered here', client: ask('OPTIONS', '*'), sees: { status: [200, 204] }, backend: 'none', closed: false },
  { name: 'GET *', client: ask('GET', '*'), sees: { status: 400 }, backend: 'none' },
  { name: 'CONNECT', client: 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n', sees: { status: 405 }, backend: 'none', closed: true },
  { name: 'TRACE', client: ask('TRACE', '/things', 'x-secret: 1'), sees: { status: 405, body: /^(?!.*secret)/s }, backend: 'none' },
  refused('a method that is none', 'get / HTTP/1.1\r\nHost: gateway.test\r\n\r\n'),
  refused('a method of nonsense', 'NONSENSE / HTTP/1.1\r\nHost: gateway.test\r\n\r\n', { status: [400, 405, 501] })
]

const expectations: Case[] = [
  {
    name: 'Expect: 100-continue: 100, then the answer; forwarded without it',
    client: [`${POST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`, { responses: 1 }, 'hello'],
    sees: { status: 200, interim: [100] },
    backendSees: { requests: 1, bodies: ['hello'], headers: { expect: null } },
    closed: false
  },
  {
    name: 'Expect: 100-continue with a body beyond the limit: 413 first',
    options: { route: { bodyLimit: 3 } },
    client: `${POST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
    sees: { status: 413 },
    backend: 'none',
    closed: true
  },
  {
    name: 'Expect: 100-continue, and the body not waited with',
    client: `${POST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello`,
    sees: { status: 200, interim: [100] },
    backendSees: { bodies: ['hello'] }
  },
  passes('Expect: 100-continue of a GET', get('/things', 'Expect: 100-continue'), { headers: { expect: null } }, { sees: { status: 200, interim: [100] } }),
  { name: 'another expectation', client: get('/things', 'Expect: 200-ok'), sees: { status: 417 }, backend: 'none' }
]

const pipelines: Case[] = [
  {
    name: 'twenty pipelined GETs get their own answers, in order',
    client: Array.from({ length: 20 }, (_, i) => get('/things', `x-id: ${i}`)).join(''),
    sees: Array.from({ length: 20 }, (_, i) => ({ status: 200, body: new RegExp(`"id":"${i}"`) })),
    closed: false
  },
  {
    name: 'pipelined GETs are answered in order though the first takes longer',
    client: get('/slow') + get('/fast'),
    backend: request => request.path === '/slow' ? [{ pause: 80 }, ok('slow')] : ok('fast'),
    sees: [{ status: 200, body: 'slow' }, { status: 200, body: 'fast' }],
    closed: false
  },
  {
    name: 'a pipelined POST does not start before the GET ahead of it has finished',
    client: get('/first') + post('/second', 'hello'),
    backend: SLOW,
    sees: [{ status: 200 }, { status: 200, within: [195, 2_000] }],
    backendSees: { requests: 2, methods: ['GET', 'POST'] }
  },
  {
    name: 'pipelined POSTs run one after another',
    client: post('/first', 'a') + post('/second', 'b') + post('/third', 'c'),
    backend: SLOW,
    sees: [{ status: 200 }, { status: 200, within: [195, 2_000] }, { status: 200, within: [295, 2_000] }],
    backendSees: { bodies: ['a', 'b', 'c'] }
  },
  {
    name: 'a POST behind a request that closes the connection never runs',
    client: get('/first', 'Connection: close') + post('/second', 'hello'),
    backend: SLOW,
    sees: { status: 200 },
    closed: true,
    methods: ['GET'],
    backendSees: { requests: 1 }
  },
  {
    name: 'a POST behind one whose early answer closes the connection never runs',
    options: { route: { bodyLimit: 3 } },
    client: post('/first', 'hello') + post('/second', 'b'),
    sees: { status: 413 },
    backend: 'none',
    closed: true
  },
  {
    name: 'nonsense behind a GET: its answer, then 400',
    client: `${get('/first')}nonsense\r\n\r\n`,
    sees: [{ status: 200 }, { status: 400 }],
    closed: true,
    backendSees: { requests: 1 }
  },
  {
    name: 'a request hidden behind a body of length 0 is one request more, not part of the first',
    client: post('/first', '') + SMUGGLED,
    sees: [{ status: 200 }, { status: 200 }],
    backendSees: { methods: ['POST', 'GET'], bodies: ['', ''] }
  }
]

const bodies: Case[] = [
  passes('a GET', get('/things', 'x-id: a'), { bodies: [''], lacks: [/content-length|transfer-encoding/i] }, { sees: { status: 200, body: /"id":"a"/ } }),
  passes('the body of a GET goes along, and is no request', `GET /search HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    { requests: 1, bodies: [SMUGGLED], headers: { 'content-length': String(SMUGGLED.length) } }),
  passes('the chunked body of a GET', `GET /search HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunks(SMUGGLED)}`, { requests: 1, bodies: [SMUGGLED] }),
  passes('the body of a DELETE', 'DELETE /things HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\nhello', { bodies: ['hello'] }),
  passes('a POST whose body is a request', post('/things', SMUGGLED), { requests: 1, bodies: [SMUGGLED] }),
  passes('a POST without a body says so', ask('POST', '/things', 'Content-Length: 0'), { headers: { 'content-length': '0', 'transfer-encoding': null } }),
  passes('a small chunked body goes out with its length', chunked('/things', chunks('hel', 'lo')), { bodies: ['hello'], headers: { 'content-length': '5', 'transfer-encoding': null } }),
  passes('a streamed chunked body goes out chunked', [chunked('/things', '5\r\nhello\r\n'), { do: 'settle' }, chunks('world')],
    { bodies: ['helloworld'], headers: { 'content-length': null, 'transfer-encoding': 'chunked' } }, { options: SMALL_REPLAY }),
  passes('a streamed body of known length goes out with it', post('/things', 'helloworld'),
    { bodies: ['helloworld'], headers: { 'content-length': '10', 'transfer-encoding': null } }, { options: SMALL_REPLAY }),
  passes('a request that comes byte by byte', bytewise(post('/things', 'hello', 'x-id: slow')), { bodies: ['hello'] }),
  passes('a chunked request that comes byte by byte', bytewise(chunked('/things', chunks('hel', 'lo'))), { bodies: ['hello'] }),
  passes('an empty line before the request line', `\r\n${get('/things')}`),
  passes('a body of text/plain', post('/things', 'hello', 'Content-Type: text/plain'), { bodies: ['hello'], headers: { 'content-type': 'text/plain' } }),
  passes('a body of 2 MB of text/plain', post('/things', 'a'.repeat(2_000_000), 'Content-Type: text/plain'), { bodies: [/^a{2000000}$/] }),
  passes('a body of broken JSON', post('/things', '{"a":', 'Content-Type: application/json'), { bodies: ['{"a":'] }),
  passes('an empty Content-Type', post('/things', 'hello', 'Content-Type:'), { bodies: ['hello'], headers: { 'content-type': '' } }),
  passes('an odd Content-Type', post('/things', 'hello', 'Content-Type: nonsense'), { bodies: ['hello'], headers: { 'content-type': 'nonsense' } }),
  passes('a Content-Type of two slashes', post('/things', 'hello', 'Content-Type: a/b/c; d'), { bodies: ['hello'], headers: { 'content-type': 'a/b/c; d' } }),
  passes('no Content-Type', post('/things', 'hello'), { bodies: ['hello'], headers: { 'content-type': null } }),
  { name: 'half a head', client: ['GET /things HTTP/1.1\r\nHost: gate', { do: 'reset' }], sees: [], backend: 'none' },
  { name: 'half a body, then an RST', client: [`${POST}Content-Length: 10\r\n\r\nhello`, { pause: 20 }, { do: 'reset' }], sees: [], backend: 'none' },
  { name: 'half a body, then a FIN', client: [`${POST}Content-Length: 10\r\n\r\nhello`, { pause: 20 }, { do: 'fin' }], sees: { status: [400, 408] }, closed: true, backend: 'none' },
  { name: 'a client that half-closes before its answer is taken for gone', client: [get('/things'), { pause: 20 }, { do: 'fin' }], backend: [{ pause: 1_000 }, ok('slow')], sees: [], closed: true }
]

export const cases: readonly Case[] = [
  ...lengths, ...codings, ...chunkCases, ...fields, ...hosts, ...versions, ...targets, ...expectations, ...pipelines, ...bodies
]
