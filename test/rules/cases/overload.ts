import type { Case, Party } from '../case.js'
import { chunked, chunks, get, ok, post } from './messages.js'

const HANGS = { undiciOptions: { connections: 1, headersTimeout: 1_500 } }
const REFUSED = { status: 503, headers: { 'retry-after': /^\d+$/ } }

const many = (count: number, path: string): Party[] => Array.from({ length: count }, (_, i) => ({ client: get(`${path}/${i}`, `x-id: ${i}`), sees: { status: 200 } }))

export const cases: readonly Case[] = [
  {
    name: 'no queue: refused at once',
    options: { route: { ...HANGS, pool: { maxPending: 0 } } },
    clients: [{ client: get('/1'), sees: { status: 504 } }, { client: [{ do: 'settle' }, get('/2')], sees: { ...REFUSED, within: [0, 1_000] }, closed: false }],
    backend: [],
    backendSees: { requests: 1 }
  },
  {
    name: 'a full queue: refused at once',
    options: { route: { undiciOptions: { connections: 1 }, pool: { maxPending: 1 } } },
    clients: [
      { client: get('/1'), sees: { status: 200 } },
      { client: [{ do: 'settle' }, get('/2')], sees: { status: 200 } },
      { client: [{ do: 'settle' }, { pause: 200 }, get('/3')], sees: { ...REFUSED, within: [0, 1_000] }, closed: false },
      { client: [{ do: 'settle' }, { pause: 200 }, post('/4', 'hello')], sees: { ...REFUSED, within: [0, 1_000] }, closed: false }
    ],
    backend: [{ pause: 1_200 }, ok('hello')],
    backendSees: { requests: 2, connections: 1 }
  },
  {
    name: 'a target that hangs takes nothing from the others',
    options: { route: { ...HANGS, pool: { pendingTimeout: 300 } } },
    clients: [...Array.from({ length: 10 }, (_, i): Party => ({ client: get(`/${i}`), sees: { status: [503, 504] } })), { client: [{ do: 'settle' }, { do: 'canary' }, { do: 'canary' }], sees: [] }],
    backend: []
  },
  {
    name: 'forty at once over two connections',
    options: { route: { undiciOptions: { connections: 2 } } },
    clients: many(40, '/things'),
    backend: [{ pause: 5 }, ok('hello')],
    backendSees: { requests: 40, connections: [1, 2] }
  },
  {
    name: 'forty at once, two dials at a time',
    options: { route: { pool: { maxDials: 2 } } },
    clients: many(40, '/things'),
    backend: [{ pause: 20 }, ok('hello')],
    backendSees: { requests: 40, connections: [1, 40] }
  },
  { name: 'a body beyond the limit, by its length', options: { route: { bodyLimit: 4 } }, client: post('/things', 'hello'), sees: { status: 413 }, closed: true, backend: 'none' },
  { name: 'a body that is never sent beyond the limit, by its length', options: { route: { bodyLimit: 4 } }, client: 'POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 50000000\r\n\r\n', sees: { status: 413, within: [0, 2_000] }, closed: true, backend: 'none' },
  { name: 'a chunked body beyond the limit', options: { route: { bodyLimit: 4 } }, client: chunked('/things', chunks('hello')), sees: { status: 413 }, closed: true, backend: 'none' },
  {
    name: 'a streamed body beyond the limit',
    options: { route: { bodyLimit: 12, retry: { replayLimit: 4 } } },
    client: [chunked('/things', '5\r\nhello\r\n'), { do: 'settle' }, '5\r\nhello\r\n', { pause: 30 }, '5\r\nhello\r\n'],
    sees: { status: 413 },
    closed: true,
    backendSees: { requests: 0 }
  },
  { name: 'a body at the limit', options: { route: { bodyLimit: 5 } }, client: post('/things', 'hello'), sees: { status: 200 }, closed: false, backendSees: { bodies: ['hello'] } },
  {
    name: 'a backend that takes the limit of connections and hangs frees them',
    options: { route: { undiciOptions: { connections: 2, headersTimeout: 200 } } },
    client: [get('/1') + get('/2'), { responses: 2 }, get('/ok')],
    backend: request => request.path === '/ok' ? ok('hello') : [],
    sees: [{ status: 504 }, { status: 504 }, { status: 200 }]
  }
]
