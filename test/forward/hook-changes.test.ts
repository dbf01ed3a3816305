import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { hookChanges, isUntouched } from '../../src/forward/hook-changes.js'

const HTTP1 = { http2: false, joined: false, hiddenType: undefined }

function joinedAsNode (raw: readonly string[]): Record<string, unknown> {
  const headers: Record<string, unknown> = {}
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    headers[name] = headers[name] === undefined ? raw[i + 1] : `${String(headers[name])}, ${raw[i + 1]}`
  }
  return headers
}

t.test('headers count as untouched only if each line has its property, in order, with its value', async t => {
  const raw = ['Host', 'a', 'X-User-Id', 'bob', 'ACCEPT', '*/*']
  const untouched = { host: 'a', 'x-user-id': 'bob', accept: '*/*' }
  t.equal(isUntouched(raw, untouched), true)
  t.equal(isUntouched(raw, { ...untouched, 'x-user-id': 'eve' }), false, 'another value')
  t.equal(isUntouched(raw, { ...untouched, 'x-new': 'n' }), false, 'one more')
  t.equal(isUntouched(raw, { host: 'a', 'x-user-id': 'bob' }), false, 'one less')
  t.equal(isUntouched(raw, { host: 'a', 'x-user-ip': 'bob', accept: '*/*' }), false, 'another name of the same length, with the same value')
  t.equal(isUntouched(raw, { host: 'a', 'X-User-Id': 'bob', accept: '*/*' }), false, 'a name as the client spelled it, which is a hook\'s')
  t.equal(isUntouched(['x\u0000', '1', 'x@', '2'], { 'x ': '1', 'x`': '2' }), false, 'what only looks like a capital letter')
})

t.test('headers that hooks changed replace the lines, and every other line stays as it came', async t => {
  const raw = ['Host', 'a', 'X-User-Id', 'admin', 'ACCEPT', '*/*', 'x-user-id', 'root', 'Cookie', 'a=1', 'X-List', '1', 'x-list', '2']
  const rows: [title: string, hook: (headers: Record<string, unknown>) => void, lines: string[] | undefined][] = [
    ['nothing', () => {}, undefined],
    ['the same value again', headers => { headers['x-user-id'] = 'admin, root' }, undefined],
    ['replaced', headers => { headers['x-user-id'] = 'bob' }, ['Host', 'a', 'X-User-Id', 'bob', 'ACCEPT', '*/*', 'Cookie', 'a=1', 'X-List', '1', 'x-list', '2']],
    ['replaced by the first of its lines', headers => { headers['x-user-id'] = 'admin' }, ['Host', 'a', 'X-User-Id', 'admin', 'ACCEPT', '*/*', 'Cookie', 'a=1', 'X-List', '1', 'x-list', '2']],
    ['deleted', headers => { delete headers['x-user-id'] }, ['Host', 'a', 'ACCEPT', '*/*', 'Cookie', 'a=1', 'X-List', '1', 'x-list', '2']],
    ['undefined', headers => { headers['x-list'] = undefined }, ['Host', 'a', 'X-User-Id', 'admin', 'ACCEPT', '*/*', 'x-user-id', 'root', 'Cookie', 'a=1']],
    ['added', headers => { headers['x-new'] = 'n' }, [...raw, 'x-new', 'n']],
    ['added, several', headers => { headers['x-new'] = ['n', 'm'] }, [...raw, 'x-new', 'n', 'x-new', 'm']],
    ['a number', headers => { headers['x-new'] = 7 }, [...raw, 'x-new', '7']],
    ['spelled in another way', headers => { headers['X-USER-ID'] = 'bob' }, ['Host', 'a', 'X-USER-ID', 'bob', 'ACCEPT', '*/*', 'Cookie', 'a=1', 'X-List', '1', 'x-list', '2']],
    ['cookies as an array', headers => { headers['cookie'] = ['b=2', 'c=3'] }, ['Host', 'a', 'X-User-Id', 'admin', 'ACCEPT', '*/*', 'x-user-id', 'root', 'Cookie', 'b=2; c=3', 'X-List', '1', 'x-list', '2']]
  ]
  for (const [title, hook, lines] of rows) {
    const headers = joinedAsNode(raw)
    hook(headers)
    t.strictSame(hookChanges(raw, headers, HTTP1)?.lines, lines, title)
  }
})

t.test('a value that moves to another name of the same length is seen', async t => {
  const raw = ['Host', 'a', 'X-User', 'admin']
  t.strictSame(hookChanges(raw, { host: 'a', 'x-role': 'admin' }, HTTP1)?.lines, ['Host', 'a', 'x-role', 'admin'])
})

t.test('the client\'s Connection is reported, whatever hooks do to it', async t => {
  const raw = ['Connection', 'x-hop', 'Connection', 'close', 'X-Hop', '1']
  t.equal(hookChanges(raw, { 'x-hop': '1' }, HTTP1)?.connection, 'x-hop, close')
})

t.test('a Content-Type that the gateway has hidden does not count as deleted by a hook', async t => {
  const raw = ['Content-Type', 'odd', 'Host', 'a']
  const headers = { 'content-type': undefined, host: 'a' }
  t.equal(hookChanges(raw, headers, { ...HTTP1, hiddenType: 'odd' }), undefined)
  t.strictSame(hookChanges(raw, headers, HTTP1)?.lines, ['Host', 'a'])
  t.strictSame(hookChanges(raw, { host: 'a' }, { ...HTTP1, hiddenType: 'odd' })?.lines, ['Host', 'a'], 'and a hook may delete it all the same')
  t.strictSame(hookChanges(raw, headers, { ...HTTP1, hiddenType: 'hook\'s' })?.lines, ['Content-Type', 'hook\'s', 'Host', 'a'], 'a hook may have set what is hidden')
  t.strictSame(hookChanges(['Host', 'a'], { host: 'a', 'content-type': undefined }, { ...HTTP1, hiddenType: 'hook\'s' })?.lines, ['Host', 'a', 'content-type', 'hook\'s'])
  t.strictSame(hookChanges(raw, { ...headers, 'content-type': 'text/plain' }, { ...HTTP1, hiddenType: 'odd' })?.lines, ['Content-Type', 'text/plain', 'Host', 'a'])
})

t.test('pseudo-headers and __proto__ do not count as changes by hooks', async t => {
  const raw = [':path', '/', ':authority', 'a', '__proto__', 'x', 'X-A', '1']
  t.equal(hookChanges(raw, { ':path': '/other', ':authority': 'b', ':new': 'c', 'x-a': '1' }, { ...HTTP1, http2: true }), undefined)
})

// Names from node's tables of headers, and one that is in none.
const NAMES = ['age', 'authorization', 'content-type', 'etag', 'expires', 'from', 'if-modified-since', 'if-unmodified-since', 'last-modified', 'location',
  'max-forwards', 'proxy-authorization', 'referer', 'retry-after', 'server', 'user-agent', 'accept', 'cookie', 'set-cookie', 'range', 'date', 'dnt', 'via',
  'if-match', 'if-none-match', 'if-range', 'content-range', 'content-encoding', 'content-language', 'content-location', 'content-md5', 'tk',
  'upgrade-insecure-requests', 'access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'x-content-type-options',
  'origin', 'vary', 'x-forwarded-for', 'x-own', '123']

for (const joined of [false, true]) {
  t.test(`over HTTP/1.1 two lines of a name do not count as a hook's change${joined ? ', joinDuplicateHeaders' : ''}`, async t => {
    const messages: IncomingMessage[] = []
    const server = createServer({ joinDuplicateHeaders: joined }, (request, response) => {
      messages.push(request)
      response.end()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.end(NAMES.map(name => `GET / HTTP/1.1\r\nHost: a\r\n${name}: one\r\n${name}: two\r\nX-End: 1\r\n\r\n`).join(''))
    await once(socket.resume(), 'close')
    server.close()
    t.equal(messages.length, NAMES.length)
    for (const { rawHeaders, headers } of messages) t.equal(hookChanges(rawHeaders, headers, { http2: false, joined, hiddenType: undefined }), undefined, `${rawHeaders[2]}`)
  })
}

t.test('over HTTP/2 two lines of a name do not count as a hook\'s change', async t => {
  const seen: string[] = []
  const server = createHttp2Server((request, response) => {
    seen.push(request.url)
    t.equal(hookChanges(request.rawHeaders, request.headers, { http2: true, joined: false, hiddenType: undefined }), undefined, request.url)
    response.end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  // Node's client joins some of these. Names that do not arrive as two lines are left out.
  const names = NAMES.filter(name => name !== 'set-cookie')
  for (const name of names) {
    let stream
    try {
      stream = session.request({ ':path': `/${name}`, [name]: ['one', 'two'] })
    } catch {
      stream = session.request({ ':path': `/${name}`, [name]: 'one' })
    }
    await once(stream.resume(), 'close')
  }
  session.close()
  server.close()
  t.strictSame(seen, names.map(name => `/${name}`))
})
