import type { Case, CaseOptions, Script, Step } from '../case.js'
import { ask, chunked, chunks, get, head, ok, post } from './messages.js'

const ONE: CaseOptions = { route: { undiciOptions: { connections: 1 } } }
const STREAMING: CaseOptions = { route: { retry: { replayLimit: 4 } } }
const STALE: Script = [{ do: 'reset' }]

/** Several requests, one after another, on one client connection. */
const inTurn = (...requests: string[]): Step[] => requests.flatMap((request, i) => [request, { responses: i + 1 }])

const reuse = (name: string, request: string, backend: Script, status = 200): Case => ({
  name: `a connection is used again after ${name}`,
  // At the bound, since a connection rests after a response that must have no body, and another would be dialled meanwhile.
  options: ONE,
  client: inTurn(request, request, get('/last')),
  backend: asked => asked.path === '/last' ? ok('last') : backend,
  sees: [{ status }, { status }, { status: 200, body: 'last' }],
  backendSees: { requests: 3, connections: 1 },
  closed: false
})

const kept: Case[] = [
  reuse('a GET', get('/things'), ok('hello')),
  reuse('a HEAD', ask('HEAD', '/things'), head('200 OK', 'Content-Length: 5')),
  reuse('a DELETE with a body', 'DELETE /things HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\nhello', ok('')),
  reuse('a 204', get('/things'), head('204 No Content'), 204),
  reuse('a 304', get('/things'), head('304 Not Modified', 'ETag: "1"'), 304),
  reuse('a 404', get('/things'), head('404 Not Found', 'Content-Length: 0'), 404),
  reuse('a chunked answer', get('/things'), head('200 OK', 'Transfer-Encoding: chunked') + chunks('hello')),
  { ...reuse('a POST', post('/things', 'hello'), ok('hello')), repeats: true },
  {
    name: "a client's Connection: close is no backend's",
    clients: [{ client: get('/first', 'Connection: close'), sees: { status: 200 }, closed: true }, { client: [{ pause: 700 }, get('/second')], sees: { status: 200 } }],
    backendSees: { requests: 2, connections: 1, lacks: [/connection: close/i] }
  },
  {
    name: 'a backend that closes each connection',
    client: inTurn(get('/1'), get('/2'), get('/3'), get('/4'), get('/5')),
    backend: [ok('hello', 'Connection: close'), { do: 'fin' }],
    sees: Array.from({ length: 5 }, () => ({ status: 200 })),
    backendSees: { requests: 5, connections: 5 },
    closed: false
  },
  {
    name: 'an HTTP/1.0 backend',
    client: inTurn(get('/1'), get('/2')),
    backend: ['HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', { do: 'fin' }],
    sees: [{ status: 200, body: 'hello' }, { status: 200, body: 'hello' }],
    closed: false
  }
]

const lost: Case[] = [
  {
    name: 'a GET that died on a reused connection is sent again on a fresh one',
    client: inTurn(get('/first'), get('/second')),
    backend: { answers: [ok('first'), STALE, ok('second')] },
    sees: [{ status: 200 }, { status: 200, body: 'second' }],
    backendSees: { requests: 3, connections: 2 },
    closed: false
  },
  {
    name: 'likewise where the backend sent a FIN',
    client: inTurn(get('/first'), get('/second')),
    backend: { answers: [ok('first'), [{ do: 'fin' }], ok('second')] },
    sees: [{ status: 200 }, { status: 200, body: 'second' }],
    backendSees: { requests: 3, connections: 2 },
    closed: false
  },
  {
    name: 'a POST that died on a reused connection is not sent again',
    client: inTurn(get('/first'), post('/second', 'hello')),
    backend: { answers: [ok('first'), STALE, ok('second')] },
    sees: [{ status: 200 }, { status: 502 }],
    backendSees: { requests: 2 },
    closed: false
  },
  {
    name: 'unless it has an Idempotency-Key',
    client: inTurn(get('/first'), post('/second', 'hello', 'Idempotency-Key: a')),
    backend: { answers: [ok('first'), STALE, ok('second')] },
    sees: [{ status: 200 }, { status: 200, body: 'second' }],
    backendSees: { requests: 3, bodies: ['', 'hello', 'hello'] },
    repeats: true,
    closed: false
  },
  {
    name: 'a PUT is sent again with its body',
    client: inTurn(get('/first'), post('/second', 'hello').replace('POST', 'PUT')),
    backend: { answers: [ok('first'), STALE, ok('second')] },
    sees: [{ status: 200 }, { status: 200, body: 'second' }],
    backendSees: { requests: 3, bodies: ['', 'hello', 'hello'] },
    closed: false
  },
  {
    name: 'a GET is sent again once, not twice',
    client: inTurn(get('/first'), get('/second')),
    backend: { answers: [ok('first'), STALE, STALE] },
    sees: [{ status: 200 }, { status: 502 }],
    backendSees: { requests: 3 },
    closed: false
  },
  {
    name: 'nothing is sent again that died on a fresh connection',
    client: get('/first'),
    backend: STALE,
    sees: { status: 502 },
    backendSees: { requests: 1 },
    closed: false
  },
  {
    name: 'nothing is sent again of which an answer had begun',
    client: inTurn(get('/first'), get('/second')),
    backend: { answers: [ok('first'), ['HTTP/1.1 2', { pause: 20 }, { do: 'reset' }], ok('second')] },
    sees: [{ status: 200 }, { status: 502 }],
    backendSees: { requests: 2 },
    closed: false
  },
  { name: 'a POST whose fresh connection is reset', client: post('/first', 'hello'), backend: STALE, sees: { status: 502 }, backendSees: { requests: 1 }, closed: false },
  { name: 'a backend that refuses', options: { route: { pool: { connectRetry: 0 } } }, client: get('/things'), backend: 'refuses', sees: { status: 502, within: [0, 900] }, closed: false },
  { name: 'a POST to a backend that refuses', options: { route: { pool: { connectRetry: 0 } } }, client: post('/things', 'hello'), backend: 'refuses', sees: { status: 502 }, closed: false },
  { name: 'a certificate of nobody known', options: { tls: 'unknown' }, client: get('/things', 'Authorization: secret'), sees: { status: 502 }, backendSees: { requests: 0 }, closed: false },
  { name: 'a certificate that is known', options: { tls: 'trusted' }, client: inTurn(get('/1', 'x-id: a'), get('/2')), sees: [{ status: 200, body: /"id":"a"/ }, { status: 200 }], backendSees: { connections: 1 }, closed: false },
  { name: 'an RST in mid-body over TLS', options: { tls: 'trusted' }, client: get('/1'), backend: [`${head('200 OK')}hello`, { pause: 40 }, { do: 'reset' }], sees: { status: 200, cut: 'or 502' } }
]

const left: Case[] = [
  { name: 'a client leaves before the answer has begun', client: [get('/things'), { do: 'settle' }, { pause: 20 }, { do: 'reset' }], backend: [], sees: [], backendSees: { requests: 1 } },
  { name: 'a client leaves by a FIN before the answer has begun', client: [get('/things'), { do: 'settle' }, { pause: 20 }, { do: 'fin' }], backend: [], sees: [], closed: true, backendSees: { requests: 1 } },
  {
    name: 'a client leaves in mid-answer',
    client: [get('/things'), { bytes: 100_000 }, { do: 'reset' }],
    backend: [head('200 OK', 'Content-Length: 4000000'), { repeat: 'a'.repeat(100_000), times: 10 }],
    sees: [],
    raw: /^HTTP/
  },
  { name: 'a client leaves in mid-upload', options: STREAMING, client: [`${chunked('/things', '')}5\r\nhello\r\n`, { do: 'settle' }, { pause: 20 }, { do: 'reset' }], backend: ok('hello'), sees: [], backendSees: { requests: 0 } },
  {
    name: 'a client that leaves the queue is not sent on',
    options: ONE,
    clients: [
      { client: get('/first'), sees: { status: 200 } },
      { client: [{ do: 'settle' }, get('/second'), { pause: 100 }, { do: 'reset' }], sees: [] },
      { client: [{ do: 'settle' }, { pause: 50 }, get('/third')], sees: { status: 200 } }
    ],
    backend: [{ pause: 500 }, ok('hello')],
    backendSees: { requests: 2, paths: ['/first', '/third'] }
  },
  {
    name: 'an early answer to an upload is relayed, and both connections end',
    options: STREAMING,
    client: [`${chunked('/things', '')}5\r\nhello\r\n`, { responses: 1 }],
    backend: { on: 'head', script: head('413 Content Too Large', 'Content-Length: 0') },
    sees: { status: 413 },
    closed: true
  },
  {
    name: 'an early answer to an upload, the backend closing too',
    options: STREAMING,
    client: [`${chunked('/things', '')}5\r\nhello\r\n`, { repeat: '5\r\nhello\r\n', times: 20, every: 10 }],
    backend: { on: 'head', script: [{ pause: 30 }, ok('enough', 'Connection: close'), { do: 'fin' }] },
    sees: { status: [200, 502] },
    closed: true
  },
  {
    name: 'a connection that dies in mid-upload',
    options: STREAMING,
    client: [`${chunked('/things', '')}5\r\nhello\r\n`, { repeat: '5\r\nhello\r\n', times: 10, every: 10 }],
    backend: { on: 'head', script: [{ pause: 30 }, { do: 'reset' }] },
    sees: { status: 502 },
    closed: true
  }
]

const refusedWork: Case[] = [
  {
    name: 'a 503 is relayed as it is, and asked once',
    client: get('/things'),
    backend: `${head('503 Service Unavailable', 'Retry-After: 7', 'Content-Length: 4')}busy`,
    sees: { status: 503, body: 'busy', headers: { 'retry-after': '7' }, within: [0, 900] },
    backendSees: { requests: 1 },
    closed: false
  },
  {
    name: 'a 503 with a large body',
    client: get('/things'),
    backend: `${head('503 Service Unavailable', 'Retry-After: 1', 'Content-Length: 200000')}${'a'.repeat(200_000)}`,
    sees: { status: 503, body: /^a{200000}$/ },
    backendSees: { requests: 1 },
    closed: false
  },
  ...['429 Too Many Requests', '500 Internal Server Error', '502 Bad Gateway', '504 Gateway Timeout'].map((status): Case => ({
    name: `${status} is asked once`,
    client: get('/things'),
    backend: head(status, 'Content-Length: 0'),
    sees: { status: Number(status.slice(0, 3)) },
    backendSees: { requests: 1 },
    closed: false
  }))
]

export const cases: readonly Case[] = [...kept, ...lost, ...left, ...refusedWork]
