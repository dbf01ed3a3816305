import type { Case, CaseOptions } from '../case.js'
import { chunked, chunks, get, head, ok, post } from './messages.js'

const undici = (undiciOptions: object, route: object = {}): CaseOptions => ({ route: { undiciOptions, ...route } })
const HEADERS = undici({ headersTimeout: 200 })
const BODY = undici({ bodyTimeout: 200 })
const UPLOAD: CaseOptions = { route: { clientBodyTimeout: 200 } }
const STREAMED_UPLOAD: CaseOptions = { route: { clientBodyTimeout: 200, retry: { replayLimit: 4 } } }
/** The range in which a deadline of 200 ms is kept. */
const SOON = [180, 2_500] as const

export const cases: readonly Case[] = [
  { name: 'a backend that does not answer', options: HEADERS, client: get('/things'), backend: [], sees: { status: 504, within: SOON }, closed: false, backendSees: { requests: 1 } },
  { name: 'a POST that is not answered is not sent again', options: HEADERS, client: post('/things', 'hello'), backend: [], sees: { status: 504, within: SOON }, closed: false, backendSees: { requests: 1 } },
  { name: 'half a head', options: HEADERS, client: get('/things'), backend: 'HTTP/1.1 200 OK\r\nContent-', sees: { status: 504, within: SOON }, closed: false },
  {
    name: 'a flood of 102 does not renew the deadline',
    options: HEADERS,
    client: get('/things'),
    backend: [{ repeat: 'HTTP/1.1 102 Processing\r\n\r\n', times: 100, every: 30 }],
    sees: { status: 504, within: SOON },
    closed: false
  },
  {
    name: 'a flood of 103 does not renew the deadline',
    options: undici({ headersTimeout: 200 }),
    client: get('/things'),
    backend: [{ repeat: 'HTTP/1.1 103 Early Hints\r\n\r\n', times: 100, every: 30 }],
    sees: { status: 504, within: SOON },
    closed: false
  },
  { name: 'an answer that is in time', options: HEADERS, client: get('/things'), backend: [{ pause: 100 }, ok('hello')], sees: { status: 200 }, closed: false },
  { name: 'a body that stops', options: BODY, client: get('/things'), backend: `${head('200 OK', 'Content-Length: 10')}hello`, sees: { status: 200, cut: true, within: SOON } },
  { name: 'a chunked body that stops', options: BODY, client: get('/things'), backend: `${head('200 OK', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`, sees: { status: 200, cut: true, within: SOON } },
  { name: 'no byte of a body', options: BODY, client: get('/things'), backend: head('200 OK', 'Content-Length: 10'), sees: { status: 200, cut: true, within: SOON } },
  {
    name: 'a slow body that goes on',
    options: undici({ bodyTimeout: 400 }),
    client: get('/things'),
    backend: [head('200 OK', 'Content-Length: 30'), { repeat: 'hello', times: 6, every: 90 }],
    sees: { status: 200, body: 'hello'.repeat(6) },
    closed: false
  },
  {
    name: 'an event stream may pause',
    options: BODY,
    client: get('/things'),
    backend: [head('200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked'), { pause: 1_100 }, chunks('data: a\n\n')],
    sees: { status: 200, body: 'data: a\n\n' },
    closed: false
  },
  {
    name: 'an event stream of a content type with parameters may pause',
    options: BODY,
    client: get('/things'),
    backend: [head('200 OK', 'Content-Type: Text/Event-Stream; charset=utf-8'), 'data: a\n\n', { pause: 1_100 }, 'data: b\n\n', { do: 'fin' }],
    sees: { status: 200, body: 'data: a\n\ndata: b\n\n' },
    closed: false
  },
  { name: 'the whole exchange, before the answer', options: { route: { totalTimeout: 200 } }, client: get('/things'), backend: [], sees: { status: 504, within: SOON } },
  {
    name: 'the whole exchange, in mid-answer',
    options: { route: { totalTimeout: 200 } },
    client: get('/things'),
    backend: [head('200 OK', 'Transfer-Encoding: chunked'), { repeat: '1\r\na\r\n', times: 100, every: 30 }],
    sees: { status: 200, cut: true, within: SOON }
  },
  { name: 'the whole exchange, in mid-upload', options: { route: { totalTimeout: 200 } }, client: [chunked('/things', '1\r\na\r\n')], backendSees: { requests: 0 }, sees: { status: [408, 504], within: SOON }, closed: true },
  { name: 'a handshake that does not come', options: { tls: 'trusted', route: { undiciOptions: { connect: { timeout: 200 } } } }, client: get('/things'), backend: 'silent', sees: { status: 504, within: [180, 2_700] }, closed: false },
  {
    name: 'the queue',
    options: undici({ connections: 1, headersTimeout: 1_500 }, { pool: { pendingTimeout: 200 } }),
    clients: [{ client: get('/first'), sees: { status: 504 } }, { client: [{ do: 'settle' }, { pause: 50 }, get('/second')], sees: { status: 503, headers: { 'retry-after': /^\d+$/ }, within: [180, 1_300] }, closed: false }],
    backend: [],
    backendSees: { requests: 1 }
  },
  { name: "a client's head", options: { gateway: { clientHeadersTimeout: 200 } }, client: 'GET /things HTTP/1.1\r\nHost: gate', sees: { status: 408, within: SOON }, closed: true, backend: 'none' },
  { name: "a client's head that trickles", options: { gateway: { clientHeadersTimeout: 200 } }, client: ['GET /things HTTP/1.1\r\nHost: gateway.test\r\n', { repeat: 'x-a: b\r\n', times: 12, every: 100 }], sees: { status: 408, within: SOON }, closed: true, backend: 'none' },
  { name: "a client's body", options: UPLOAD, client: `${post('/things', 'hello', 'x-a: b')}`.slice(0, -2), sees: { status: 408, within: SOON }, closed: true, backend: 'none' },
  { name: "a client's body that trickles", options: UPLOAD, client: ['POST /things HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1000\r\n\r\n', { repeat: 'a', times: 60, every: 20 }], sees: { status: 408, within: SOON }, closed: true, backend: 'none' },
  { name: "a client's body that never begins", options: UPLOAD, client: chunked('/things', ''), sees: { status: 408, within: SOON }, closed: true, backend: 'none' },
  { name: "a client's streamed body that stops", options: STREAMED_UPLOAD, client: [chunked('/things', '5\r\nhello\r\n')], sees: { status: 408, within: SOON }, closed: true, backendSees: { requests: 0 } },
  {
    name: "a client's streamed body that goes on",
    options: { route: { clientBodyTimeout: 400, retry: { replayLimit: 4 } } },
    client: [chunked('/things', ''), { repeat: '5\r\nhello\r\n', times: 6, every: 90 }, '0\r\n\r\n'],
    sees: { status: 200 },
    backendSees: { bodies: ['hello'.repeat(6)] },
    closed: false
  },
  {
    name: 'a backend that does not read an upload',
    options: undici({ bodyTimeout: 200, headersTimeout: 400 }, { retry: { replayLimit: 4 } }),
    client: [chunked('/things', ''), { repeat: `10000\r\n${'a'.repeat(65_536)}\r\n`, times: 300 }],
    backend: { on: 'head', script: [{ do: 'stop reading' }, { pause: 1_500 }, { do: 'read on' }] },
    sees: { status: [408, 504], within: [180, 3_500] },
    closed: true
  },
  {
    name: 'a client that does not read its answer',
    options: BODY,
    client: [{ do: 'stop reading' }, get('/things'), { pause: 1_500 }, { do: 'read on' }],
    backend: [head('200 OK', 'Content-Length: 40000000'), { repeat: 'a'.repeat(1_000_000), times: 40 }],
    sees: { status: 200, cut: true },
    limit: 6_000
  },
  {
    name: 'a client that reads late gets all of a small answer',
    options: BODY,
    client: [{ do: 'stop reading' }, get('/things'), { pause: 900 }, { do: 'read on' }],
    backend: ok('a'.repeat(100_000)),
    sees: { status: 200, body: /^a{100000}$/ },
    closed: false
  },
  {
    name: 'an idle client connection that sends nothing is not refused work',
    options: { gateway: { clientHeadersTimeout: 200 } },
    client: [get('/1'), { responses: 1 }, { pause: 400 }, get('/2')],
    sees: [{ status: 200 }, { status: 200 }]
  }
]
