import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough, Readable, Writable, pipeline as through } from 'node:stream'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t from 'tap'
import { EventSource, FormData, WebSocket, fetch as undiciFetch, interceptors, pipeline, request, stream } from 'undici'
import type { Dispatcher } from 'undici'
import type { RequestScript } from '../../testing/backend.js'
import { contractFor, kindOf } from '../../testing/undici-contract.js'

// undici's functions do the same over a target as over undici's Client.

// undici's own header, which is random.
const BOUNDARY = /-{4}formdata-undici-\d+/g

const echo: RequestScript = ({ method, path, header, body }, connection) => connection.reply({
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ method, path, type: header('content-type')?.replace(BOUNDARY, 'B'), length: header('content-length'), chunked: header('transfer-encoding'), body: body.toString().replaceAll(BOUNDARY, 'B') })
})

const bodies: [title: string, body: () => unknown][] = [
  ['none', () => undefined],
  ['text', () => 'hello'],
  ['bytes', () => new Uint8Array([97, 98])],
  ['a Blob', () => new Blob(['hello'], { type: 'text/x' })],
  ['URLSearchParams', () => new URLSearchParams({ a: '1' })],
  ['a web stream', () => new Blob(['hello']).stream()],
  ['an async iterable', () => (async function * () { yield Buffer.from('one') })()],
  ['an empty text', () => '']
]

for (const [name, fetching, Form] of [['undici\'s fetch', undiciFetch, FormData], ['Node\'s fetch', fetch, globalThis.FormData]] as const) {
  t.test(`${name} sends every kind of body`, async t => {
    const { backend, both } = await contractFor(t, echo)
    const call = fetching as unknown as (url: string, init: object) => Promise<Response>
    const form = (): InstanceType<typeof FormData> => {
      const made = new Form() as InstanceType<typeof FormData>
      made.set('a', new Blob(['1']), 'a.txt')
      return made
    }
    for (const [title, body] of [...bodies, ['a form', form] as const]) {
      const [client, target] = await both(async dispatcher => {
        const response = await call(`${backend.url}/a?`, { dispatcher, method: 'POST', body: body(), duplex: 'half' })
        return [response.status, response.statusText, ...response.headers, await response.json()]
      })
      t.same(target, client, title)
    }
  })

  t.test(`${name} aborts and fails as over undici's Client`, async t => {
    const { backend, both } = await contractFor(t, ({ path }, connection) => {
      if (path === '/half') connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
    })
    const call = fetching as unknown as (url: string, init: object) => Promise<Response>
    const [client, target] = await both(async dispatcher => {
      const before = backend.requests
      const controller = new AbortController()
      const answer = call(`${backend.url}/hang`, { dispatcher, signal: controller.signal })
      await backend.waitFor(({ requests }) => requests > before)
      controller.abort(new Error('enough'))
      const hung = await answer.catch(kindOf)
      const half = new AbortController()
      const response = await call(`${backend.url}/half`, { dispatcher, signal: half.signal })
      const rest = response.text()
      half.abort()
      return [hung, await rest.catch(kindOf)]
    })
    t.match(client, [{ message: 'enough' }, { name: 'AbortError' }])
    t.same(target, client)
  })
}

t.test('fetch follows redirects with a body', async t => {
  const { backend, both } = await contractFor(t, (message, connection) => {
    if (message.path === '/there') connection.reply({ status: 307, headers: { Location: '/here' } })
    else return echo(message, connection)
  })
  const [client, target] = await both(async dispatcher => (await undiciFetch(`${backend.url}/there`, { dispatcher, method: 'POST', body: 'again' })).json())
  t.match(client, { path: '/here', body: 'again' })
  t.same(target, client)
})

t.test('interim responses and trailers reach request() and stream()', async t => {
  const { both } = await contractFor(t, (_request, connection) => connection.write(
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n'
  ))
  const [client, target] = await both(async dispatcher => {
    const infos: unknown[] = []
    const onInfo = (info: unknown): void => { infos.push(info) }
    const answer = await dispatcher.request({ path: '/', method: 'GET', onInfo, responseHeaders: 'raw' })
    const body = await answer.body.text()
    const sink = new PassThrough()
    const written = text(sink)
    const streamed = await dispatcher.stream({ path: '/', method: 'GET', opaque: 'mine' }, () => sink)
    return [infos, answer.statusCode, answer.headers, answer.trailers, body, answer.context, streamed.opaque, streamed.trailers, await written]
  })
  t.match(client, [[{ statusCode: 103 }], 200, ['X-A', '1', 'Transfer-Encoding', 'chunked'], { 'x-sum': '7' }, 'ok'])
  t.same(target, client)
})

t.test('stream() waits for a slow sink, and ends with a sink that fails', async t => {
  const { backend, both } = await contractFor(t, (_request, connection) => connection.reply({ body: 'x'.repeat(1_000_000) }))
  const [client, target] = await both(async dispatcher => {
    let size = 0
    const slow = new Writable({
      highWaterMark: 1_000,
      write (chunk: Buffer, _encoding, callback) {
        size += chunk.length
        setImmediate(callback)
      }
    })
    await stream(backend.url, { dispatcher, method: 'GET' }, () => slow)
    const broken = new Writable({ write: (_chunk, _encoding, callback) => callback(new Error('full')) })
    return [size, await stream(backend.url, { dispatcher, method: 'GET' }, () => broken).catch(kindOf)]
  })
  t.match(client, [1_000_000, { message: 'full' }])
  t.same(target, client)
})

t.test('pipeline() gives a Duplex through the backend', async t => {
  const { backend, both } = await contractFor(t, ({ body }, connection) => connection.reply({ body: body.toString().toUpperCase() }))
  const [client, target] = await both(async dispatcher => {
    let heard = ''
    const sink = new Writable({
      write (chunk: Buffer, _encoding, callback) {
        heard += chunk.toString()
        callback()
      }
    })
    await promisify(through)(Readable.from(['one ', 'two']), pipeline(backend.url, { dispatcher, method: 'PUT' }, ({ body }) => body), sink)
    return heard
  })
  t.equal(client, 'ONE TWO')
  t.same(target, client)
})

t.test('an AbortSignal aborts request() before the start, before the answer and in the body', async t => {
  const { backend, both } = await contractFor(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  const [client, target] = await both(async dispatcher => {
    const before = await request(backend.url, { dispatcher, signal: AbortSignal.abort() }).catch(kindOf)
    const controller = new AbortController()
    const { body } = await request(backend.url, { dispatcher, signal: controller.signal })
    const rest = body.text().catch(kindOf)
    controller.abort()
    const upload = new Readable({ read () {} })
    const sending = new AbortController()
    const sent = request(backend.url, { dispatcher, method: 'POST', body: upload, signal: sending.signal }).catch(kindOf)
    sending.abort(new Error('no more'))
    return [before, await rest, await sent, upload.destroyed]
  })
  t.match(client, [{ name: 'AbortError' }, { name: 'AbortError' }, { message: 'no more' }, true])
  t.same(target, client)
})

// RFC 6455 section 4.2.2.
const acceptKey = (key: string): string => createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

t.test('undici\'s WebSocket speaks through a target', async t => {
  const { backend, both } = await contractFor(t, ({ header }, connection) => {
    connection.write(Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptKey(header('sec-websocket-key')!)}\r\n\r\n\x81\x05hello`, 'latin1'))
    connection.takeOver()
  })
  const [client, target] = await both(async dispatcher => {
    const socket = new WebSocket(backend.url.replace('http', 'ws'), { dispatcher })
    const [{ data }] = await once(socket, 'message') as [MessageEvent]
    socket.close()
    return data
  })
  t.equal(client, 'hello')
  t.equal(target, client)
})

t.test('undici\'s EventSource reads through a target', async t => {
  const { backend, both } = await contractFor(t, (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\r\n\r\n')
    connection.write('1\r\n\n\r\n')
  })
  const [client, target] = await both(async (dispatcher: Dispatcher) => {
    const source = new EventSource(backend.url, { dispatcher })
    const data = await new Promise(resolve => source.addEventListener('message', event => resolve(event.data)))
    source.close()
    return data
  })
  t.equal(client, 'one')
  t.equal(target, client)
})

const { cache, deduplicate, dump } = interceptors as typeof interceptors & Record<string, ((options?: object) => Dispatcher.DispatcherComposeInterceptor) | undefined>

t.test('the interceptors cache, deduplicate and dump work over a target', async t => {
  let asked = 0
  const { backend, both } = await contractFor(t, (_request, connection) => connection.reply({ headers: { 'Cache-Control': 'max-age=60', 'Content-Type': 'text/plain' }, body: `${'x'.repeat(100_000)} ${++asked}` }))
  for (const [name, made] of Object.entries({ cache, deduplicate, dump })) {
    if (made === undefined) continue
    const [client, target] = await both(async dispatcher => {
      asked = 0
      const composed = dispatcher.compose(made(name === 'dump' ? { maxSize: 1_000_000 } : undefined))
      const texts = []
      for (let n = 0; n < 2; n++) texts.push((await (await composed.request({ origin: backend.url, path: '/', method: 'GET' })).body.text()).slice(-10))
      return texts
    })
    t.same(target, client, name)
  }
})
