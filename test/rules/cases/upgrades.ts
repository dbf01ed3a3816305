import type { BackendDoes, Case, Script } from '../case.js'
import { ask, chunks, get, head, ok, post } from './messages.js'

const WEBSOCKET = { route: { websocket: true } }
const ASKS = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
const SWITCHED = head('101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'x-backend: yes')
const upgrade = (...fields: string[]): string => get('/socket', ...ASKS, ...fields)
const SEES_101 = { status: 101, headers: { 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'x-backend': 'yes', upgrade: /websocket/i } }
const ECHO: Script = [SWITCHED, { do: 'echo' }]

/** Not an upgrade: answered as an ordinary request. */
const ordinary = (name: string, client: string, more: Partial<Case> = {}): Case => ({
  name, options: WEBSOCKET, client, sees: { status: 200 }, backend: ok('hello'), backendSees: { requests: 1, headers: { upgrade: null } }, ...more
} as Case)

const failed = (name: string, backend: BackendDoes, status: number | readonly number[], more: object = {}): Case =>
  ({ name, options: { route: { websocket: true, ...more } }, client: upgrade(), sees: { status }, closed: true, backend })

export const cases: readonly Case[] = [
  { name: "the backend's own 101, then bytes both ways", options: WEBSOCKET, client: [upgrade(), { responses: 1 }, 'hello'], sees: SEES_101, backend: ECHO, raw: 'hello' },
  { name: 'bytes that come right behind the request', options: WEBSOCKET, client: `${upgrade()}hello`, sees: SEES_101, backend: ECHO, raw: 'hello', methods: ['GET'] },
  { name: 'bytes that come right behind the 101', options: WEBSOCKET, client: upgrade(), sees: SEES_101, backend: `${SWITCHED}hello`, raw: 'hello' },
  {
    name: 'a megabyte each way',
    options: WEBSOCKET,
    client: [upgrade(), { responses: 1 }, { repeat: 'a'.repeat(100_000), times: 10 }, { bytes: 1_000_000 }],
    sees: SEES_101,
    backend: ECHO,
    raw: /^a{1000000}$/
  },
  {
    name: 'end-to-end headers go along',
    options: WEBSOCKET,
    client: upgrade('Origin: https://public.test', 'Authorization: Bearer a', 'Cookie: a=1', 'Sec-WebSocket-Protocol: chat, superchat', 'Sec-WebSocket-Extensions: permessage-deflate', 'x-own: 1'),
    sees: SEES_101,
    backend: ECHO,
    backendSees: {
      headers: {
        upgrade: /^websocket$/i, connection: /^upgrade$/i, origin: 'https://public.test', authorization: 'Bearer a', cookie: 'a=1', 'sec-websocket-protocol': 'chat, superchat',
        'sec-websocket-extensions': 'permessage-deflate', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'x-own': '1', via: '1.1 holdfast', 'cdn-loop': 'holdfast', 'x-forwarded-for': '127.0.0.1'
      }
    }
  },
  { name: 'what Connection names besides is dropped', options: WEBSOCKET, client: get('/socket', 'Connection: Upgrade, x-secret', ...ASKS.slice(1), 'x-secret: 1'), sees: SEES_101, backend: ECHO, backendSees: { headers: { 'x-secret': null } } },
  { name: 'the backend ends the tunnel', options: WEBSOCKET, client: [upgrade(), { responses: 1 }], sees: SEES_101, backend: [SWITCHED, { pause: 30 }, 'bye', { do: 'fin' }], raw: 'bye', closed: true },
  { name: 'the backend resets the tunnel', options: WEBSOCKET, client: [upgrade(), { responses: 1 }], sees: SEES_101, backend: [SWITCHED, { pause: 30 }, { do: 'reset' }], closed: true },
  { name: 'the client resets the tunnel', options: WEBSOCKET, client: [upgrade(), { responses: 1 }, 'hello', { pause: 30 }, { do: 'reset' }], sees: SEES_101, backend: ECHO, raw: /^(?:hello)?$/ },
  { name: 'the client half-closes, and still gets what comes', options: WEBSOCKET, client: [upgrade(), { responses: 1 }, { do: 'fin' }], sees: SEES_101, backend: [SWITCHED, { pause: 80 }, 'late', { do: 'fin' }], raw: 'late', closed: true, halfOpen: true },
  { name: 'a silent tunnel ends', options: { route: { websocket: true, tunnelIdleTimeout: 200 } }, client: [upgrade(), { responses: 1 }], sees: SEES_101, backend: ECHO, raw: /^.*$/s, closed: true },
  { name: 'a tunnel over TLS', options: { route: { websocket: true }, tls: 'trusted' }, client: [upgrade(), { responses: 1 }, 'hello'], sees: SEES_101, backend: ECHO, raw: 'hello' },
  { ...failed('a backend that answers 403', `${head('403 Forbidden', 'Content-Length: 2', 'x-why: 1')}no`, 403), sees: { status: 403, body: 'no', headers: { 'x-why': '1' } } } as Case,
  failed('a backend that answers 200, chunked', head('200 OK', 'Transfer-Encoding: chunked') + chunks('hello'), 200),
  failed('a backend that answers 401, without a length', [`${head('401 Unauthorized')}no`, { do: 'fin' }], 401),
  failed('a backend that refuses', 'refuses', 502, { pool: { connectRetry: 0 } }),
  failed('a backend that says nothing', [], 504, { undiciOptions: { headersTimeout: 200 } }),
  failed('a backend that is no HTTP server', 'nonsense\r\n\r\n', 502),
  failed('a backend that resets', [{ do: 'reset' }], 502),
  {
    name: 'more tunnels than there may be',
    options: { route: { websocket: true, pool: { maxUpgraded: 1 } } },
    clients: [
      { client: [upgrade(), { responses: 1 }, { pause: 900 }], sees: SEES_101 },
      { client: [{ do: 'settle' }, { pause: 250 }, upgrade()], sees: { status: 503, headers: { 'retry-after': /^\d+$/ } }, closed: true }
    ],
    backend: ECHO
  },
  ordinary('a POST that asks for it keeps its body', post('/socket', 'hello', ...ASKS), { backendSees: { requests: 1, bodies: ['hello'], headers: { upgrade: null } }, repeats: false }),
  ordinary('a POST with Upgrade: h2c keeps its body', post('/things', 'hello', 'Connection: Upgrade', 'Upgrade: h2c'), { backendSees: { requests: 1, bodies: ['hello'], headers: { upgrade: null } } }),
  ordinary('a POST with Upgrade whose body is a request', post('/things', get('/smuggled'), 'Connection: Upgrade', 'Upgrade: h2c'), { backendSees: { requests: 1, bodies: [get('/smuggled')] } }),
  ordinary('a chunked POST with Upgrade', `${ask('POST', '/things', 'Connection: Upgrade', 'Upgrade: websocket', 'Transfer-Encoding: chunked')}${chunks('hello')}`, { backendSees: { requests: 1, bodies: ['hello'] } }),
  ordinary('a GET with a body that asks for it', get('/things', ...ASKS, 'Content-Length: 5') + 'hello', { backendSees: { requests: 1, bodies: ['hello'], headers: { upgrade: null } } }),
  ordinary('Upgrade: h2c', get('/things', 'Connection: Upgrade', 'Upgrade: h2c')),
  ordinary('Upgrade that Connection does not name', get('/things', 'Upgrade: websocket')),
  ordinary('an upgrade in HTTP/1.0', upgrade().replace('HTTP/1.1', 'HTTP/1.0')),
  ordinary('an upgrade on a route that has none', upgrade(), { options: {} }),
  { name: 'a backend that switches unasked', options: WEBSOCKET, client: get('/things'), sees: { status: 502 }, backend: SWITCHED, closed: false },
  {
    name: 'an upgrade behind a GET',
    options: WEBSOCKET,
    client: [get('/things'), { responses: 1 }, upgrade(), { responses: 2 }, 'hello'],
    sees: [{ status: 200 }, SEES_101],
    backend: request => request.path === '/socket' ? ECHO : ok('hello'),
    raw: 'hello'
  },
  {
    name: 'a drain ends a tunnel at its deadline, with 1001',
    options: WEBSOCKET,
    client: [upgrade(), { responses: 1 }, { do: 'drain' }],
    sees: SEES_101,
    backend: ECHO,
    raw: '\x88\x02\x03\xe9',
    closed: true,
    ends: true
  }
]
