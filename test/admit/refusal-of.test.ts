import t from 'tap'
import { maxForwardsOf } from '../../src/admit/max-forwards.js'
import { isOddContentType } from '../../src/admit/odd-content-type.js'
import { isHost, originForm, refusalOf } from '../../src/admit/request-rules.js'
import type { RequestHead } from '../../src/admit/request-rules.js'

const MOST = 1_000

/** A request head of these lines, as node has it. */
function head (lines: readonly [name: string, value: string][], { url = '/', method = 'GET', version = [1, 1] } = {}): RequestHead {
  const headers: Record<string, string> = {}
  for (const [name, value] of lines) {
    const lower = name.toLowerCase()
    if (lower === 'host') headers[lower] ??= value
    else headers[lower] = headers[lower] === undefined ? value : `${headers[lower]}, ${value}`
  }
  return { method, url, httpVersionMajor: version[0]!, httpVersionMinor: version[1]!, headers, rawHeaders: lines.flat() }
}

const codeOf = (request: RequestHead, http1 = true): string | undefined => refusalOf(request, http1, MOST)?.code.replace('HOLDFAST_ERR_', '')
const get = (url: string, host = 'a.test', method = 'GET'): string | undefined => codeOf(head([['Host', host]], { url, method }))

t.test('a host is a name or an address, with or without a port', async t => {
  for (const host of ['a', 'a.test', 'a.test:80', 'a.test:', 'under_score.test', 'xn--bcher-kva.test', '192.0.2.1:8080', '[::1]', '[2001:db8::1]:443', 'a%2db', 'A.TEST', 'a:65535']) {
    t.ok(isHost(host), host)
  }
  for (const host of ['', ' ', 'a b', 'a,b', 'a/b', 'a\\b', 'a?b', 'a#b', 'u@a', 'a:b', 'a:1:2', 'a:65536', 'a:99999', 'a:123456', '[::1', '::1', '[]', '[a]', '[::1]x', 'http://a', '<a>', 'a%zz', 'a\u00e9']) {
    t.notOk(isHost(host), JSON.stringify(host))
  }
})

t.test('an HTTP/1 request has at most one Host, and HTTP/1.1 must have one', async t => {
  const rows: [title: string, lines: [string, string][], version: number[], code: string | undefined][] = [
    ['one', [['Host', 'a']], [1, 1], undefined],
    ['one among others', [['Accept', '*/*'], ['hOsT', 'a'], ['Last', '1']], [1, 1], undefined],
    ['none', [['Accept', '*/*']], [1, 1], 'BAD_REQUEST'],
    ['none in HTTP/1.0', [], [1, 0], undefined],
    ['two', [['Host', 'a'], ['Host', 'b']], [1, 1], 'BAD_REQUEST'],
    ['two equal ones', [['Host', 'a'], ['Accept', '*/*'], ['HOST', 'a']], [1, 1], 'BAD_REQUEST'],
    ['two in HTTP/1.0', [['Host', 'a'], ['Host', 'b']], [1, 0], 'BAD_REQUEST'],
    ['an empty one', [['Host', '']], [1, 1], 'BAD_REQUEST']
  ]
  for (const [title, lines, version, code] of rows) t.equal(codeOf(head(lines, { version })), code, title)
})

t.test('an HTTP/1 socket accepts only HTTP/1.0 and HTTP/1.1', async t => {
  for (const version of [[0, 9], [2, 0], [1, 2], [3, 0]]) t.equal(codeOf(head([['Host', 'a']], { version })), 'HTTP_VERSION', version.join('.'))
  t.equal(codeOf(head([[':path', '/'], [':authority', 'a']], { version: [2, 0] }), false), undefined, 'HTTP/2 behind a server of its own is fine')
})

t.test('Transfer-Encoding must be exactly one chunked', async t => {
  const rows: [codings: string[], code: string | undefined][] = [
    [['chunked'], undefined],
    [['Chunked'], undefined],
    [['chunked', 'chunked'], 'BAD_REQUEST'],
    [['chunked', ''], 'BAD_REQUEST'],
    [[''], 'BAD_REQUEST'],
    [['gzip, chunked'], 'UNSUPPORTED_CODING'],
    [['gzip', 'chunked'], 'UNSUPPORTED_CODING'],
    [['xchunked'], 'UNSUPPORTED_CODING'],
    [['"chunked"'], 'UNSUPPORTED_CODING']
  ]
  for (const [codings, code] of rows) {
    const lines = codings.map(coding => ['Transfer-Encoding', coding] as [string, string])
    t.equal(codeOf(head([['Host', 'a'], ...lines])), code, codings.join(' | '))
  }
  t.equal(codeOf(head([['Host', 'a'], ['Transfer-Encoding', 'chunked']], { version: [1, 0] })), 'BAD_REQUEST', 'and HTTP/1.0 has none')
})

t.test('more lines than node keeps are too many', async t => {
  const lines = (count: number): [string, string][] => [['Host', 'a'], ...Array.from({ length: count - 1 }, (): [string, string] => ['a', 'b'])]
  t.equal(codeOf(head(lines(MOST))), undefined)
  t.equal(codeOf(head(lines(MOST + 1))), 'TOO_MANY_HEADERS')
})

t.test('only the expectation 100-continue is accepted', async t => {
  const rows = [['100-continue', undefined], ['100-Continue', undefined], ['200-ok', 'EXPECTATION'], ['100-continue, x', 'EXPECTATION'], ['', 'EXPECTATION']] as const
  for (const [expect, code] of rows) t.equal(codeOf(head([['Host', 'a'], ['Expect', expect]])), code, expect)
})

t.test('TRACE and CONNECT are not served', async t => {
  for (const method of ['TRACE', 'CONNECT']) t.equal(get('/', 'a.test', method), 'METHOD', method)
})

t.test('an absolute target must match Host', async t => {
  const rows: [url: string, host: string, code: string | undefined][] = [
    ['http://a.test/b', 'a.test', undefined],
    ['HTTP://A.test/b', 'a.TEST', undefined],
    ['https://a.test:8/b?c', 'a.test:8', undefined],
    ['http://[::1]:8', '[::1]:8', undefined],
    ['http://b.test/b', 'a.test', 'BAD_REQUEST'],
    ['http://a.test:80/b', 'a.test', 'BAD_REQUEST'],
    ['http://u@a.test/b', 'a.test', 'BAD_REQUEST'],
    ['http://a.test@b.test/', 'a.test', 'BAD_REQUEST'],
    ['http:///b', 'a.test', 'BAD_REQUEST'],
    ['ftp://a.test/b', 'a.test', 'BAD_REQUEST'],
    ['http://a.test/../b', 'a.test', 'BAD_REQUEST'],
    ['a', 'a.test', 'BAD_REQUEST'],
    ['*', 'a.test', 'BAD_REQUEST']
  ]
  for (const [url, host, code] of rows) t.equal(get(url, host), code, `${url} ${host}`)
  t.equal(get('*', 'a.test', 'OPTIONS'), undefined)
  t.equal(get('*x', 'a.test', 'OPTIONS'), 'BAD_REQUEST')
})

t.test('an absolute target is reduced to its path', async t => {
  for (const [url, method, path] of [
    ['http://a/b?c', 'GET', '/b?c'], ['http://a', 'GET', '/'], ['http://a?c', 'GET', '/?c'], ['http://a', 'OPTIONS', '*'], ['http://a/', 'OPTIONS', '/'], ['*', 'OPTIONS', '*'], ['/b', 'GET', '/b']
  ] as const) t.equal(originForm(url, method), path, `${method} ${url}`)
})

t.test('a path must have complete escapes, no NUL, and no segment that leaves it', async t => {
  for (const url of ['/%zz', '/%', '/a%2', '/%00', '/a%00b', '/%ff', '/%c0%ae', '/..', '/a/..', '/a/../b', '/../', '/%2e%2e/a', '/%2E./a', '/a/.%2e', '/a%2f..%2fb', '/a%2F%2e%2e%2fb', '/a%5c..%5cb',
    '/..%5ca', '/a/..;/b', '/a/..;x=y/b', '/a/..?b', '/a\\b', '/\\', '/a\\..\\b', '/a#b', '/#', '/a?b#c']) t.equal(get(url), 'BAD_REQUEST', url)
  for (const url of ['/', '/a/b', '/a%2fb', '/a%20b', '/%c3%a9', '/a%5cb', '/a..b', '/...', '/a../b', '/..a', '/.well-known/a', '/a/./b', '//a.test/b', '/%252e%252e/a', '/%2500', '/a?b=../..', '/a?b=100%', '/a?b=%00', '/a?b\\c', '/a;b=c', '/a{}|"b']) {
    t.equal(get(url), undefined, url)
  }
})

t.test('over HTTP/2 the authority is the host, and a Host must match it', async t => {
  const rows: [title: string, lines: [string, string][], code: string | undefined][] = [
    ['an authority', [[':authority', 'a']], undefined],
    ['a Host', [['host', 'a']], undefined],
    ['both', [[':authority', 'a'], ['host', 'A']], undefined],
    ['neither', [], 'BAD_REQUEST'],
    ['two that differ', [[':authority', 'a'], ['host', 'b']], 'BAD_REQUEST'],
    ['one that is none', [[':authority', 'a b']], 'BAD_REQUEST']
  ]
  for (const [title, lines, code] of rows) t.equal(codeOf(head(lines, { version: [2, 0] }), false), code, title)
  t.equal(codeOf(head([[':authority', 'a']], { version: [2, 0], url: '/a/../b' }), false), 'BAD_REQUEST', 'paths are the same there')
})

t.test('Max-Forwards must be a number', async t => {
  t.equal(maxForwardsOf({}), undefined)
  for (const [value, number] of [['0', 0], ['7', 7], ['010', 10]] as const) t.equal(maxForwardsOf({ 'max-forwards': value }), number)
  for (const value of ['', '-1', '1.5', 'x', '1, 2', '9999999999']) t.match(maxForwardsOf({ 'max-forwards': value }), { code: 'HOLDFAST_ERR_BAD_REQUEST' }, value)
})

t.test('a Content-Type that Fastify accepts is not odd', async t => {
  for (const type of ['application/json', 'text/plain; charset=utf-8', 'multipart/form-data; boundary="a b"', 'application/vnd.api+json', 'a/b;c=d;e=f']) t.notOk(isOddContentType(type), type)
  for (const type of ['', 'nonsense', 'a/b/c', 'a/', '/b', 'a/b; c', 'text plain/x']) t.ok(isOddContentType(type), type)
})
