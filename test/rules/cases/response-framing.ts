import type { BackendDoes, Case, CaseOptions, Script, Sees } from '../case.js'
import { ask, chunks, get, head, ok } from './messages.js'

/** Not repaired: the client gets a 502, and keeps its connection. */
const invalid = (name: string, backend: BackendDoes): Case =>
  ({ name, backend, client: get('/things'), sees: { status: 502 }, closed: false, backendSees: { requests: 1 } })

/** The client is cut off, or gets a 502 if nothing was relayed yet. */
const cutOff = (name: string, backend: Script): Case =>
  ({ name, backend, client: get('/things'), sees: { status: 200, cut: 'or 502' }, backendSees: { requests: 1 } })

const relayed = (name: string, backend: BackendDoes, sees: Sees, client: string = get('/things'), options?: CaseOptions): Case =>
  ({ name, backend, client, sees, closed: false, options })

const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n'

const wrongHeads: Case[] = [
  invalid('Transfer-Encoding with Content-Length', head('200 OK', 'Transfer-Encoding: chunked', 'Content-Length: 5') + chunks('hello')),
  invalid('Content-Length with Transfer-Encoding', head('200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked') + chunks('hello')),
  invalid('differing Content-Lengths', `${head('200 OK', 'Content-Length: 5', 'Content-Length: 6')}hello!`),
  invalid('a Content-Length that is none', `${head('200 OK', 'Content-Length: five')}hello`),
  invalid('a Content-Length below 0', `${head('200 OK', 'Content-Length: -5')}hello`),
  invalid('an unknown coding', [`${head('200 OK', 'Transfer-Encoding: gzip')}hello`, { do: 'fin' }]),
  invalid('a coding behind chunked', [head('200 OK', 'Transfer-Encoding: chunked, gzip') + chunks('hello'), { do: 'fin' }]),
  invalid('gzip in front of chunked', head('200 OK', 'Transfer-Encoding: gzip, chunked') + chunks('hello')),
  ...['HTP/1.1 200 OK', 'HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1 abc OK', 'HTTP/1.1', 'nonsense', 'HTTP/1.1  200 OK', 'http/1.1 200 OK', 'HTTP/1,1 200 OK'].map(line =>
    invalid(`a status line of ${JSON.stringify(line)}`, `${line}\r\nContent-Length: 5\r\n\r\nhello`)),
  ...['000', '099', '600', '700', '999'].map(status => invalid(`a status of ${status}`, `${head(`${status} Odd`, 'Content-Length: 5')}hello`)),
  ...['\0', '\x01', '\v', '\x7f'].map(byte => invalid(`${JSON.stringify(byte)} within a value`, ok('hello', `x-a: 1${byte}2`))),
  invalid('a folded field', `${head('200 OK', 'Content-Length: 5', 'x-a: 1', ' 2')}hello`),
  invalid('a space before the colon', `${head('200 OK', 'Content-Length: 5', 'x-a : 1')}hello`),
  invalid('a bare CR within a value', `${head('200 OK', 'Content-Length: 5', 'x-a: 1\rx-b: 2')}hello`),
  invalid('a name that is no token', `${head('200 OK', 'Content-Length: 5', 'x(a): 1')}hello`),
  invalid('a head that is too large', `${head('200 OK', 'Content-Length: 5', `x-a: ${'a'.repeat(100_000)}`)}hello`),
  invalid('a head without end', [{ repeat: 'x-a: 1\r\n', times: 5_000 }]),
  invalid('a 101 that was not asked for', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'),
  invalid('a FIN in place of an answer', [{ do: 'fin' }]),
  invalid('an RST in place of an answer', [{ do: 'reset' }]),
  invalid('half a head, then a FIN', ['HTTP/1.1 200 OK\r\nContent-Le', { do: 'fin' }]),
  {
    name: 'an unsolicited 100 is swallowed',
    client: [get('/'), { responses: 1 }],
    backend: `HTTP/1.1 100 Continue\r\n\r\n${ok('hello')}`,
    sees: [{ status: 200, body: 'hello' }]
  },
  invalid('TLS in place of HTTP', Buffer.from('15030100020246', 'hex')),
  {
    name: 'after statuses that are none the connections are free again',
    options: { route: { undiciOptions: { connections: 2 } } },
    client: Array.from({ length: 4 }, (_, i) => [get(`/${i}`), { responses: i + 1 }]).flat(),
    backend: request => request.path === '/3' ? ok('hello') : `${head('600 Odd', 'Content-Length: 100000')}hello`,
    sees: [{ status: 502 }, { status: 502 }, { status: 502 }, { status: 200 }]
  }
]

const interim: Case[] = [
  relayed('102 is swallowed', `HTTP/1.1 102 Processing\r\n\r\n${ok('hello')}`, { status: 200, body: 'hello' }),
  relayed('103 is swallowed', HINTS + ok('hello'), { status: 200, body: 'hello' }),
  relayed('103 is relayed where it is asked for', [HINTS, { pause: 20 }, ok('hello')], { status: 200, body: 'hello', interim: [103] }, get('/things'), { route: { earlyHints: true } }),
  {
    name: '103 is not relayed to HTTP/1.0',
    options: { route: { earlyHints: true } },
    client: 'GET / HTTP/1.0\r\nHost: gateway.test\r\n\r\n',
    backend: [HINTS, { pause: 20 }, ok('hello')],
    sees: { status: 200, body: 'hello' },
    closed: true
  }
]

const bodiless: Case[] = [
  relayed('204 with a Content-Length of 0', head('204 No Content', 'Content-Length: 0'), { status: 204, headers: { 'content-length': null } }),
  relayed('204 with a Content-Length', head('204 No Content', 'Content-Length: 5'), { status: 204, headers: { 'content-length': null } }),
  relayed('204 with a body', `${head('204 No Content', 'Content-Length: 5')}hello`, { status: 204 }),
  relayed('204 with Transfer-Encoding', head('204 No Content', 'Transfer-Encoding: chunked'), { status: [204, 502], headers: { 'transfer-encoding': null } }),
  relayed('304 with a Content-Length keeps its ETag', head('304 Not Modified', 'Content-Length: 5', 'ETag: "1"'), { status: 304, headers: { etag: '"1"' } }),
  relayed('304 with a body', `${head('304 Not Modified', 'Content-Length: 5', 'ETag: "1"')}hello`, { status: 304, headers: { etag: '"1"' } }),
  relayed('304 without a length', head('304 Not Modified', 'ETag: "1"'), { status: 304, headers: { etag: '"1"' } }),
  relayed('HEAD keeps its Content-Length', head('200 OK', 'Content-Length: 12345'), { status: 200, headers: { 'content-length': '12345' } }, ask('HEAD', '/things')),
  relayed('HEAD with Transfer-Encoding', head('200 OK', 'Transfer-Encoding: chunked'), { status: 200 }, ask('HEAD', '/things')),
  relayed('HEAD with a body', `${head('200 OK', 'Content-Length: 5')}hello`, { status: 200 }, ask('HEAD', '/things')),
  relayed('HEAD without a length', [head('200 OK'), { do: 'fin' }], { status: 200 }, ask('HEAD', '/things')),
  relayed('HEAD answered with 404', head('404 Not Found', 'Content-Length: 9'), { status: 404, headers: { 'content-length': '9' } }, ask('HEAD', '/things')),
  relayed('205', head('205 Reset Content', 'Content-Length: 0'), { status: 205 }),
  relayed('304 to a HEAD', head('304 Not Modified', 'Content-Length: 5'), { status: 304 }, ask('HEAD', '/things'))
]

const cut: Case[] = [
  cutOff('a body that is shorter than its length', [`${head('200 OK', 'Content-Length: 10')}hello`, { do: 'fin' }]),
  cutOff('a body that is shorter, a while later', [`${head('200 OK', 'Content-Length: 10')}hello`, { pause: 40 }, { do: 'fin' }]),
  cutOff('no byte of a body with a length', [head('200 OK', 'Content-Length: 10'), { do: 'fin' }]),
  cutOff('an RST in mid-body', [`${head('200 OK', 'Content-Length: 10')}hello`, { pause: 40 }, { do: 'reset' }]),
  cutOff('a missing last chunk', [`${head('200 OK', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`, { pause: 20 }, { do: 'fin' }]),
  cutOff('a missing end of the last chunk', [`${head('200 OK', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n`, { pause: 20 }, { do: 'fin' }]),
  cutOff('an RST in place of the last chunk', [`${head('200 OK', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`, { pause: 40 }, { do: 'reset' }]),
  cutOff('a chunk size that is none', [`${head('200 OK', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`, { pause: 20 }, 'nonsense\r\n']),
  cutOff('a chunk size that is none, at once', `${head('200 OK', 'Transfer-Encoding: chunked')}xyz\r\nhello\r\n0\r\n\r\n`),
  cutOff('a chunk longer than it says', `${head('200 OK', 'Transfer-Encoding: chunked')}3\r\nhello\r\n0\r\n\r\n`),
  cutOff('a chunk size beyond all bounds', `${head('200 OK', 'Transfer-Encoding: chunked')}fffffffffffffffffff\r\nhello\r\n`),
  cutOff('a body without a length that an RST ends', [`${head('200 OK')}hello`, { pause: 40 }, { do: 'reset' }]),
  cutOff('a long body cut late', [`${head('200 OK', 'Content-Length: 4000000')}`, { repeat: 'a'.repeat(100_000), times: 20 }, { pause: 50 }, { do: 'reset' }])
]

const whole: Case[] = [
  relayed('a body without a length that a FIN ends', [`${head('200 OK')}hello`, { pause: 20 }, 'world', { do: 'fin' }], { status: 200, body: 'helloworld' }),
  relayed('a FIN right after a head without a length', [head('200 OK'), { do: 'fin' }], { status: 200, body: '' }),
  relayed('an HTTP/1.0 answer', ['HTTP/1.0 200 OK\r\n\r\nhello', { do: 'fin' }], { status: 200, body: 'hello' }),
  relayed('a status line without a reason', 'HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello', { status: 200, body: 'hello' }),
  relayed('a status without a name', `${head('299 Odd', 'Content-Length: 5')}hello`, { status: 299, body: 'hello' }),
  relayed('599', `${head('599 Odd', 'Content-Length: 5')}hello`, { status: 599, body: 'hello' }),
  relayed('chunk extensions', `${head('200 OK', 'Transfer-Encoding: chunked')}5;a=b\r\nhello\r\n0\r\n\r\n`, { status: 200, body: 'hello' }),
  relayed('an answer that comes byte by byte', [...`${head('200 OK', 'Transfer-Encoding: chunked')}${chunks('hel', 'lo')}`].flatMap(byte => [byte, { pause: 1 }]), { status: 200, body: 'hello' }),
  relayed('a body of 5 MB', [head('200 OK', 'Content-Length: 5000000'), { repeat: 'a'.repeat(100_000), times: 50 }], { status: 200, body: /^a{5000000}$/ })
]

const AFTER = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
const poison: Case[] = [
  {
    name: 'a second response behind the first is nobody\'s',
    client: [get('/a'), { responses: 1 }, get('/b')],
    backend: request => request.path === '/a' ? ok('first') + AFTER : ok('second'),
    sees: [{ status: 200, body: 'first' }, { status: 200, body: 'second' }],
    backendSees: { requests: 2, connections: 2 },
    closed: false
  },
  {
    name: 'bytes on an idle connection are poison',
    client: [get('/a'), { responses: 1 }, { pause: 60 }, get('/b')],
    backend: request => request.path === '/a' ? [ok('first'), { pause: 20 }, AFTER] : ok('second'),
    sees: [{ status: 200, body: 'first' }, { status: 200, body: 'second' }],
    backendSees: { requests: 2, connections: 2 },
    closed: false
  },
  {
    name: 'a response that is longer than its length',
    client: [get('/a'), { responses: 1 }, get('/b')],
    backend: request => request.path === '/a' ? `${ok('first')}and more` : ok('second'),
    sees: [{ status: 200, body: 'first' }, { status: 200, body: 'second' }],
    backendSees: { requests: 2, connections: 2 },
    closed: false
  },
  {
    name: 'the body of a 304 is not taken for the next answer',
    client: [get('/a'), { responses: 1 }, get('/b')],
    backend: request => request.path === '/a' ? `${head('304 Not Modified', `Content-Length: ${AFTER.length}`)}${AFTER}` : ok('second'),
    sees: [{ status: 304 }, { status: 200, body: 'second' }],
    backendSees: { requests: 2, connections: 2 },
    closed: false
  },
  {
    name: 'the body of a HEAD is not taken for the next answer',
    client: [ask('HEAD', '/a'), { responses: 1 }, get('/b')],
    backend: request => request.path === '/a' ? `${head('200 OK', `Content-Length: ${AFTER.length}`)}${AFTER}` : ok('second'),
    sees: [{ status: 200 }, { status: 200, body: 'second' }],
    backendSees: { requests: 2, connections: 2 },
    closed: false
  }
]

export const cases: readonly Case[] = [...wrongHeads, ...interim, ...bodiless, ...cut, ...whole, ...poison]
