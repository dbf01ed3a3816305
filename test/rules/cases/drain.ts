import type { Case } from '../case.js'
import { chunks, get, head, ok, post } from './messages.js'

const CLOSES = { connection: 'close' }
const DELAYED = { gateway: { drain: { delay: 1_000, deadline: 1_000 }, health: true } }

export const cases: readonly Case[] = [
  {
    name: 'what is in flight is finished, and says Connection: close',
    client: [get('/things'), { do: 'settle' }, { do: 'drain' }],
    backend: [{ pause: 150 }, ok('hello')],
    sees: { status: 200, body: 'hello', headers: CLOSES, within: [140, 1_500] },
    closed: true,
    ends: true
  },
  { name: 'an idle client connection ends', client: [get('/things'), { responses: 1 }, { do: 'drain' }], sees: { status: 200 }, closed: true, ends: true },
  { name: 'a client connection that never asked ends', clients: [{ client: [{ pause: 200 }], sees: [], closed: true }, { client: [{ pause: 50 }, { do: 'drain' }], sees: [] }], ends: true },
  {
    name: 'a stream is cut at the deadline',
    client: [get('/things'), { bytes: 100 }, { do: 'drain' }],
    backend: [head('200 OK', 'Transfer-Encoding: chunked'), { repeat: '5\r\nhello\r\n', times: 200, every: 20 }],
    sees: { status: 200, cut: true, within: [900, 3_500] },
    ends: true
  },
  {
    name: 'an event stream is cut at the deadline',
    client: [get('/things'), { bytes: 100 }, { do: 'drain' }],
    backend: [head('200 OK', 'Content-Type: text/event-stream'), { repeat: 'data: a\n\n', times: 200, every: 20 }],
    sees: { status: 200, cut: true, within: [900, 3_500] },
    ends: true
  },
  { name: 'a backend that hangs is cut off at the deadline', client: [get('/things'), { do: 'settle' }, { do: 'drain' }], backend: [], sees: [], closed: true, ends: true },
  {
    name: 'a stream that ends before the deadline is whole',
    client: [get('/things'), { bytes: 100 }, { do: 'drain' }],
    backend: [`${head('200 OK', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`, { pause: 150 }, chunks('world')],
    sees: { status: 200, body: 'helloworld' },
    closed: true,
    ends: true
  },
  {
    name: 'a POST behind what is in flight never runs',
    client: [get('/things'), { do: 'settle' }, { do: 'drain' }, { pause: 30 }, post('/second', 'hello')],
    backend: [{ pause: 150 }, ok('hello')],
    sees: { status: 200, headers: CLOSES },
    closed: true,
    methods: ['GET'],
    backendSees: { requests: 1 },
    ends: true
  },
  {
    name: 'during the delay requests are served, and readiness says 503',
    options: DELAYED,
    clients: [
      { client: [get('/health/ready'), { responses: 1 }, { do: 'drain' }, { pause: 50 }, get('/health/ready'), { responses: 2 }, get('/things'), { responses: 3 }], sees: [{ status: 200 }, { status: 503 }, { status: 200 }], closed: true },
      { client: [{ pause: 300 }, get('/things')], sees: { status: 200 } }
    ],
    ends: true
  },
  { name: 'during the delay liveness says 200', options: DELAYED, client: [{ do: 'drain' }, { pause: 50 }, get('/health/live')], sees: { status: 200 }, ends: true },
  {
    name: 'an upload in flight is finished',
    client: [post('/things', 'helloworld', 'Expect: 100-continue').slice(0, -5), { responses: 1 }, { do: 'drain' }, { pause: 50 }, 'world'],
    sees: { status: 200, headers: CLOSES, interim: [100] },
    backendSees: { bodies: ['helloworld'] },
    closed: true,
    ends: true
  }
]
