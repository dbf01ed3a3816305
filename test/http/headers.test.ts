import t from 'tap'
import { requestHeaders, responseHeaders, toHeaderList, toHeaderRecord } from '../../src/http/headers.js'
import type { Arrival, HeaderList } from '../../src/http/headers.js'
import { hopsIn } from '../../src/http/hops.js'
import { lowerCased } from '../../src/http/response-head.js'

const STRANGER: Arrival = { peer: '192.0.2.7', trusted: false, host: 'api.example', protocol: 'http' }
const PROXY: Arrival = { ...STRANGER, peer: '192.0.2.8', trusted: true }
const ADDED: HeaderList = ['via', '1.1 holdfast', 'cdn-loop', 'holdfast', 'x-forwarded-for', '192.0.2.7', 'x-forwarded-host', 'api.example', 'x-forwarded-proto', 'http']

/** The values of all Connection lines, joined as node joins them. */
function connectionOf (raw: readonly string[]): string | undefined {
  const values = raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === 'connection')
  return values.length === 0 ? undefined : values.join(', ')
}

const sent = (raw: readonly string[], arrival: Arrival = STRANGER): HeaderList => requestHeaders(raw, connectionOf(raw), arrival)
const received = (raw: readonly string[]): HeaderList => lowerCased(raw)
const valuesOf = (list: HeaderList, name: string): string[] => list.filter((_, i) => i % 2 === 1 && list[i - 1] === name)

const HOP_BY_HOP = ['Connection', 'Keep-Alive', 'Proxy-Connection', 'Proxy-Authenticate', 'Proxy-Authorization', 'TE', 'Trailer',
  'Transfer-Encoding', 'Upgrade', 'HTTP2-Settings']

t.test('hop-by-hop headers are removed, in both directions and in any case', async t => {
  for (const name of HOP_BY_HOP) {
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
      t.strictSame(sent([spelled, 'x', 'Accept', '*/*']), ['Accept', '*/*', ...ADDED], `request ${spelled}`)
      t.strictSame({ ...responseHeaders(received([spelled, 'x', 'ETag', '"1"'])) }, { etag: '"1"', via: '1.1 holdfast' }, `response ${spelled}`)
    }
  }
})

t.test('headers that Connection nominates are removed with it', async t => {
  const rows: [title: string, raw: string[], kept: string[]][] = [
    ['one', ['Connection', 'x-hop', 'X-Hop', '1', 'X-End', '2'], ['X-End', '2']],
    ['several, spaced and cased', ['Connection', 'close,  X-A ,\tx-B', 'x-a', '1', 'X-B', '2', 'X-C', '3'], ['X-C', '3']],
    ['over several lines', ['Connection', 'x-a', 'X-A', '1', 'X-B', '2', 'connection', 'X-b'], []],
    ['every line of a name', ['Connection', 'x-a', 'X-A', '1', 'x-a', '2'], []],
    ['a cookie', ['Connection', 'cookie', 'Cookie', 'a=1'], []],
    ['none', ['Connection', 'keep-alive', 'X-A', '1'], ['X-A', '1']],
    ['nothing of that name', ['Connection', 'x-none', 'X-A', '1'], ['X-A', '1']]
  ]
  for (const [title, raw, kept] of rows) t.strictSame(sent(raw), [...kept, ...ADDED], title)
})

t.test('Connection cannot remove headers that the gateway adds', async t => {
  const nominated = 'host, content-length, via, x-forwarded-for, x-forwarded-host, x-forwarded-proto, forwarded'
  const raw = ['Connection', nominated, 'Host', 'evil.example', 'Content-Length', '3', 'Via', '1.0 fred', 'X-Forwarded-For', '198.51.100.1', 'Forwarded', 'for=198.51.100.1']
  for (const arrival of [STRANGER, PROXY]) {
    const list = sent(raw, arrival)
    t.match(valuesOf(list, 'via')[0], /1\.1 holdfast$/)
    t.match(valuesOf(list, 'x-forwarded-for')[0], new RegExp(`${arrival.peer?.replaceAll('.', '\\.')}$`))
    t.strictSame(valuesOf(list, 'x-forwarded-host'), ['api.example'])
    t.strictSame(valuesOf(list, 'x-forwarded-proto'), ['http'])
    t.notMatch(list.join('\n'), /evil\.example/, 'nor does the client\'s Host go along')
  }
  const record = responseHeaders(received(['Connection', 'via, content-length, set-cookie, x-own', 'Content-Length', '3', 'Set-Cookie', 'a=1', 'X-Own', '1']))
  t.strictSame({ ...record }, { 'content-length': '3', 'set-cookie': 'a=1', via: '1.1 holdfast' })
})

t.test('passes through this gateway are counted, whatever is between them', async t => {
  const rows: [via: string | undefined, hops: number][] = [
    [undefined, 0], ['', 0], ['1.1 holdfast', 1], ['1.1 holdfast, 1.1 holdfast', 2], ['1.0 fred, 1.1 holdfast (x), HTTP/1.1 HOLDFAST', 2],
    ['1.1 holdfast,1.1 other,1.1 holdfast', 2], ['1.1 holdfaster', 0], ['1.1 my-holdfast', 0], ['1.1 fred (holdfast)', 0], ['holdfast', 0]
  ]
  for (const [via, hops] of rows) t.equal(hopsIn(via, undefined), hops, JSON.stringify(via))
  let via: string | undefined
  for (let hop = 1; hop <= 9; hop++) {
    via = valuesOf(sent(via === undefined ? [] : ['Via', via]), 'via')[0]
    t.equal(hopsIn(via, undefined), hop)
  }
  t.strictSame(valuesOf(sent(['Via', '1.0 fred', 'via', '1.1 lucy']), 'via'), ['1.0 fred, 1.1 lucy, 1.1 holdfast'], 'lines become one list')
})

t.test('X-Forwarded-* of an untrusted client is replaced, and of a trusted proxy extended', async t => {
  const raw = ['X-Forwarded-For', '198.51.100.1, 198.51.100.2', 'X-Forwarded-Host', 'claimed.example', 'X-Forwarded-Proto', 'gopher', 'x-forwarded-for', '198.51.100.3']
  t.strictSame(sent(raw), ADDED)
  const trusted = sent(raw, { ...PROXY, host: 'claimed.example', protocol: 'https' })
  t.strictSame(valuesOf(trusted, 'x-forwarded-for'), ['198.51.100.1, 198.51.100.2, 198.51.100.3, 192.0.2.8'])
  t.strictSame(valuesOf(trusted, 'x-forwarded-host'), ['claimed.example'], 'what Fastify made of it, which knows whom it trusts')
  t.strictSame(valuesOf(trusted, 'x-forwarded-proto'), ['https'])
  t.strictSame(valuesOf(sent([], { ...STRANGER, peer: undefined }), 'x-forwarded-for'), [], 'a unix socket has no address')
})

t.test('Forwarded is dropped, or extended if a trusted proxy sent it, and never added', async t => {
  const raw = ['Forwarded', 'for=198.51.100.1']
  t.strictSame(valuesOf(sent(raw), 'forwarded'), [])
  t.strictSame(valuesOf(sent([], PROXY), 'forwarded'), [])
  t.strictSame(valuesOf(sent(raw, PROXY), 'forwarded'), ['for=198.51.100.1, for=192.0.2.8;host="api.example";proto=http'])
  t.strictSame(valuesOf(sent(raw, { ...PROXY, peer: '2001:db8::1' }), 'forwarded'), ['for=198.51.100.1, for="[2001:db8::1]";host="api.example";proto=http'])
  t.notMatch(valuesOf(sent(raw, { ...PROXY, host: 'a";for=evil' }), 'forwarded')[0], '";for=evil', 'a host cannot leave its quotes')
})

t.test('names that CGI reads like the gateway\'s headers are dropped, and other underscores are kept', async t => {
  for (const name of ['X_Forwarded_For', 'x_forwarded-host', 'X-Forwarded_Proto', 'x_forwarded_for']) {
    t.strictSame(sent([name, '198.51.100.1']), ADDED, name)
    t.strictSame(valuesOf(sent([name, '198.51.100.1'], PROXY), 'x-forwarded-for'), ['192.0.2.8'], `${name} from a trusted proxy`)
  }
  t.strictSame(sent(['x_request_id', '7']), ['x_request_id', '7', ...ADDED])
})

t.test('X-Forwarded-* and X-Real-IP of an untrusted client are dropped, and of a trusted proxy kept', async t => {
  for (const suffix of ['Port', 'Prefix', 'Server', 'Ssl', 'Scheme', 'User', 'Client-Cert', 'Proto-Version', 'X']) {
    for (const name of [`X-Forwarded-${suffix}`, `x-forwarded-${suffix.toLowerCase()}`, `X-FORWARDED-${suffix.toUpperCase()}`]) {
      t.strictSame(sent([name, '443']), ADDED, name)
      t.strictSame(sent([name, '443'], PROXY).slice(0, 2), [name, '443'], `${name} from a trusted proxy`)
    }
  }
  for (const name of ['X-Real-IP', 'x-real-ip', 'X-Forwarded']) {
    t.strictSame(sent([name, '198.51.100.1']), ADDED, name)
    t.strictSame(sent([name, '198.51.100.1'], PROXY).slice(0, 2), [name, '198.51.100.1'], `${name} from a trusted proxy`)
  }
  for (const name of ['X-Request-ID', 'X-Frame', 'X-F', 'X-Realm', 'X_Request_Id', 'x.f', 'X', 'X-']) t.strictSame(sent([name, '1']), [name, '1', ...ADDED], name)
})

t.test('names that a backend may read as framing or X-Forwarded-* are dropped, from a trusted proxy too', async t => {
  for (const name of ['Content_Length', 'content_length', 'Transfer_Encoding', 'Proxy_Connection', 'Keep_Alive', 'HTTP2_Settings', 'Proxy_Authorization', 'Content.Length',
    'X_Forwarded_Port', 'X-Forwarded_Client_Cert', 'X_Real_IP', 'X-Real_IP', 'X.Forwarded.For', 'X_Forwarded-Ssl']) {
    t.strictSame(sent([name, '3']), ADDED, name)
    t.strictSame(sent([name, '3'], PROXY).slice(0, 2), ['via', '1.1 holdfast'], `${name} from a trusted proxy`)
  }
  for (const name of ['Content_Type', 'Accept_Encoding', 'content.length.max']) t.strictSame(sent([name, '3']), [name, '3', ...ADDED], name)
})

t.test('headers from hooks are sent even if Connection nominates them, except hop-by-hop names', async t => {
  const set = (raw: readonly string[], ...names: string[]): HeaderList => requestHeaders(raw, connectionOf(raw), STRANGER, new Set(names))
  t.strictSame(set(['Connection', 'x-user', 'X-User', 'bob', 'X-Hop', '1'], 'x-user').slice(0, 4), ['X-User', 'bob', 'X-Hop', '1'])
  t.strictSame(set(['X-Forwarded-For', '198.51.100.7', 'x_forwarded_port', '1'], 'x-forwarded-for', 'x_forwarded_port'),
    ['X-Forwarded-For', '198.51.100.7', 'x_forwarded_port', '1', 'via', '1.1 holdfast', 'cdn-loop', 'holdfast', 'x-forwarded-host', 'api.example', 'x-forwarded-proto', 'http'])
  t.strictSame(set(['forwarded', 'for=a', 'x-forwarded-host', 'h', 'x-forwarded-proto', 'p'], 'forwarded', 'x-forwarded-host', 'x-forwarded-proto'),
    ['forwarded', 'for=a', 'x-forwarded-host', 'h', 'x-forwarded-proto', 'p', 'via', '1.1 holdfast', 'cdn-loop', 'holdfast', 'x-forwarded-for', '192.0.2.7'])
  t.strictSame(set(['via', '1.0 fred', ...HOP_BY_HOP.flatMap(name => [name, 'x']), 'host', 'h', 'content-length', '3', 'expect', 'x'],
    'via', ...HOP_BY_HOP.map(name => name.toLowerCase()), 'host', 'content-length', 'expect'), ['via', '1.0 fred, 1.1 holdfast', ...ADDED.slice(2)])
})

t.test('Host, Content-Length, Expect and pseudo-headers follow from the target and the body', async t => {
  t.strictSame(sent(['Host', 'a', 'HOST', 'b', 'content-length', '5', 'Expect', '100-continue', ':authority', 'c', ':path', '/']), ADDED)
})

t.test('order, case and repetition of all other headers are kept', async t => {
  const raw = ['X-B', '1', 'x-a', '2', 'X-B', '3', 'ACCEPT', '']
  t.strictSame(sent(raw), [...raw, ...ADDED])
})

t.test('Set-Cookie lines stay lines, and so do two of any name', async t => {
  const cookies = ['a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT', 'b=2', 'c=3']
  const record = responseHeaders(received([...cookies.flatMap(cookie => ['Set-Cookie', cookie]), 'Location', '/1', 'location', '/2']))
  t.strictSame(record['set-cookie'], cookies)
  t.strictSame(record['location'], ['/1', '/2'])
})

t.test('header bytes stay bytes', async t => {
  const high = Buffer.from([0x80, 0xc3, 0xa9, 0xff]).toString('latin1')
  t.strictSame(sent(['X-Bytes', high]), ['X-Bytes', high, ...ADDED])
  const value = responseHeaders(received(['X-Bytes', high]))['x-bytes']
  t.strictSame(Buffer.from(String(value), 'latin1'), Buffer.from([0x80, 0xc3, 0xa9, 0xff]))
})

t.test('a name of a member of Object.prototype is a plain header name', async t => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
    const record = responseHeaders(received([name, 'once', 'X-A', '1']))
    t.ok(Object.hasOwn(record, name.toLowerCase()), name)
    t.equal(Object.getOwnPropertyDescriptor(record, name.toLowerCase())?.value, 'once', name)
    t.equal(Object.getPrototypeOf(record), Object.prototype, 'and changes nothing')
    const twice = responseHeaders(received([name, 'one', name, 'two']))
    t.strictSame(Object.getOwnPropertyDescriptor(twice, name.toLowerCase())?.value, ['one', 'two'], `${name}, twice`)
    t.equal(Object.getPrototypeOf(twice), Object.prototype, `${name}, twice, changes nothing`)
    t.equal(Object.getOwnPropertyDescriptor(toHeaderRecord([name, 'a', name, 'b']), name.toLowerCase())?.value, 'a, b', `${name} in a record for the user`)
    t.strictSame(sent([name, 'x']), [name, 'x', ...ADDED], `${name} in a request`)
  }
  const nominated = responseHeaders(received(['Connection', '__proto__, constructor', 'X-A', '1', '__proto__', 'x']))
  t.notOk(Object.hasOwn(nominated, 'constructor'))
  t.equal(nominated['x-a'], '1')
})

t.test('a header named __proto__ is left out of objects', async t => {
  for (const record of [responseHeaders(received(['__proto__', 'one', '__proto__', 'two', 'X-A', '1'])), toHeaderRecord(['__proto__', 'a', 'X-A', '1'])]) {
    t.equal(Object.getPrototypeOf(record), Object.prototype)
    t.notOk(Object.hasOwn(record, '__proto__'))
    t.equal(record['x-a'], '1')
  }
  t.strictSame(sent(['__proto__', 'x']), ['__proto__', 'x', ...ADDED], 'a request is a list')
})

t.test('Via is appended to the backend\'s Via', async t => {
  t.equal(responseHeaders([])['via'], '1.1 holdfast')
  t.equal(responseHeaders(received(['Via', '1.0 fred']))['via'], '1.0 fred, 1.1 holdfast')
  t.equal(responseHeaders(received(['Via', '1.0 fred', 'via', '1.1 lucy']))['via'], '1.0 fred, 1.1 lucy, 1.1 holdfast')
})

t.test('headers from rewriteRequestHeaders lose names that must not be sent', async t => {
  const made = { 'X-A': '1', connection: 'close', 'Transfer-Encoding': 'chunked', 'content-length': '9', Expect: 'x', gone: undefined, several: ['1', '2'] }
  t.strictSame(toHeaderList(made), ['X-A', '1', 'several', '1', 'several', '2'])
  t.strictSame(toHeaderRecord(['X-A', '1', 'x-a', '2', 'Cookie', 'a=1', 'cookie', 'b=2']), { 'x-a': '1, 2', cookie: 'a=1; b=2' })
})
