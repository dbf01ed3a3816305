// What src/quirks/node-http2.ts, and what stops HTTP/2 responses and uploads, relies on of node:http2, asked of Node alone.
import { once } from 'node:events'
import { connect, constants, createServer } from 'node:http2'
import type {
  ClientHttp2Session, ClientHttp2Stream, Http2Server, Http2ServerRequest, Http2ServerResponse, OutgoingHttpHeaders, ServerHttp2Session,
  ServerHttp2Stream
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'

type Listener = (request: Http2ServerRequest, response: Http2ServerResponse) => void

async function pair (t: Test, listener: Listener): Promise<{ server: Http2Server, client: ClientHttp2Session }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => client.destroy())
  await once(client, 'connect')
  return { server, client }
}

/** Its close, whether or not an error comes before. */
async function closeOf (stream: ClientHttp2Stream | ServerHttp2Stream): Promise<void> {
  if (!stream.closed || !stream.destroyed) await new Promise<void>(resolve => stream.once('close', () => resolve()))
}

/** An upload of which one piece has come, and that goes on. */
async function uploading (t: Test): Promise<{ request: Http2ServerRequest, response: Http2ServerResponse, upload: ClientHttp2Stream }> {
  let upload: ClientHttp2Stream
  return await new Promise(resolve => {
    pair(t, (request, response) => resolve({ request, response, upload })).then(({ client }) => {
      upload = client.request({ ':method': 'POST', ':path': '/' })
      upload.on('error', () => {}).write('piece')
    }, t.threw)
  })
}

t.test('localClose of a stream says whether the end of its response is written, some turns after finish', async t => {
  const { response } = await uploading(t)
  const { stream } = response
  t.equal(stream.state.localClose, 0)
  response.end('text')
  await once(stream, 'finish')
  for (let i = 0; i < 1_000 && stream.state.localClose !== 1; i++) await new Promise(resolve => setImmediate(resolve))
  t.equal(stream.state.localClose, 1)
  t.equal(stream.closed, false, 'the upload has not ended')
})

t.test('a stream that is closed with NO_ERROR behind its response lets the client have it whole, once its upload is read', async t => {
  const { request, response, upload } = await uploading(t)
  const { stream } = response
  let text = ''
  upload.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
  response.end('text')
  await once(stream, 'finish')
  while (stream.state.localClose !== 1) await new Promise(resolve => setImmediate(resolve))
  stream.close(constants.NGHTTP2_NO_ERROR)
  request.resume()
  await closeOf(stream)
  await closeOf(upload)
  t.equal(text, 'text')
  t.equal(upload.rstCode, constants.NGHTTP2_NO_ERROR)
})

t.test('a response that is destroyed ends as a whole one does, and one whose stream is closed with an error does not', async t => {
  for (const way of ['destroy', 'close'] as const) {
    const { client } = await pair(t, (_request, response) => {
      response.write('piece')
      setImmediate(() => {
        if (way === 'destroy') response.destroy()
        else response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      })
    })
    const stream = client.request({ ':path': '/' }).on('error', () => {}).resume()
    stream.end()
    await closeOf(stream)
    t.equal(stream.rstCode === constants.NGHTTP2_NO_ERROR, way === 'destroy', way)
  }
})

t.test('an upload that its client resets may end before it is told of, and its stream is closed some turns later', async t => {
  const { request, upload } = await uploading(t)
  const ended = once(request.resume(), 'end').then(() => 'end', () => 'error')
  const gone = once(request.stream, 'close').then(() => 'close', () => 'close')
  upload.close(constants.NGHTTP2_CANCEL)
  await Promise.race([ended, gone])
  for (let i = 0; i < 1_000 && !request.stream.closed; i++) await new Promise(resolve => setImmediate(resolve))
  t.equal(request.stream.closed, true)
})

t.test('a request says whether its headers were all of it', async t => {
  const seen: boolean[] = []
  const { client } = await pair(t, (request, response) => {
    seen.push(request.stream.endAfterHeaders)
    response.end()
  })
  for (const whole of [true, false]) {
    const stream = client.request({ ':method': 'POST', ':path': '/' }, { endStream: whole })
    if (!whole) stream.end('text')
    await once(stream.resume(), 'close')
  }
  t.same(seen, [true, false])
})

t.test('a response throws for two lines of a name that has one value, as its head is written, but for Set-Cookie', async t => {
  const seen: unknown[] = []
  const { client } = await pair(t, (_request, response) => {
    try {
      response.writeHead(200, { etag: ['a', 'b'] } as unknown as OutgoingHttpHeaders)
    } catch (error) {
      seen.push((error as NodeJS.ErrnoException).code)
    }
    response.writeHead(200, { etag: 'a, b', 'set-cookie': ['a=1', 'b=2'], 'x-a': ['a', 'b'] })
    response.end()
  })
  const stream = client.request({ ':path': '/' })
  const [headers] = await once(stream, 'response')
  t.same(seen, ['ERR_HTTP2_HEADER_SINGLE_VALUE'])
  t.match(headers, { etag: 'a, b', 'set-cookie': ['a=1', 'b=2'] })
  await once(stream.resume(), 'close')
})

t.test("bufferSize of a stream falls as its client reads, and drain is the response's", async t => {
  let stream: ServerHttp2Stream | undefined
  let drained = Promise.resolve<unknown>(undefined)
  const { client } = await pair(t, (_request, response) => {
    stream = response.stream
    drained = once(response, 'drain')
    response.writeHead(200)
    for (let i = 0; i < 20; i++) response.write(Buffer.alloc(100_000))
  })
  const asked = client.request({ ':path': '/' })
  await once(asked, 'response')
  for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve))
  t.ok(stream!.writableLength > 0)
  const before = stream!.bufferSize
  t.ok(before > 0)
  asked.resume()
  await drained
  t.ok(stream!.bufferSize < before)
  asked.close()
})

t.test('a server emits session for each client, and has no closeIdleConnections unless it takes HTTP/1', async t => {
  const { server, client } = await pair(t, (_request, response) => response.end())
  t.equal((server as { closeIdleConnections?: unknown }).closeIdleConnections, undefined)
  const sessions: ServerHttp2Session[] = []
  server.on('session', session => sessions.push(session))
  const other = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await once(other, 'connect')
  while (sessions.length === 0) await new Promise(resolve => setImmediate(resolve))
  const closed = once(sessions[0]!, 'close')
  other.destroy()
  await closed
  t.equal(sessions[0]!.closed, true)
  client.close()
})

t.test('the socket of a response is made when it is asked for, and is not its property before', async t => {
  const { client } = await pair(t, (_request, response) => {
    t.ok('stream' in response)
    t.not(response.socket, null)
    response.end()
  })
  const stream = client.request({ ':path': '/' })
  await once(stream.resume(), 'close')
})
