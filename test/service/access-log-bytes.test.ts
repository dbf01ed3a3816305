// The bytes of the access log, compared with those that a raw client has sent and received.
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { backendFor, until } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'
import { EXTENSION } from '../../testing/program.js'
import { handshake, webSocketBackend } from '../../testing/websocket.js'
import { lineOf, linesOf, microservice } from './logged-microservice.js'
import type { Microservice } from './logged-microservice.js'

const INDEX = JSON.stringify(new URL(`../../src/index${EXTENSION}`, import.meta.url).href)

/** A socket that keeps what it receives. */
interface Client { readonly socket: Socket, received: string }

async function clientOf (t: Test, { port }: Microservice): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  const client: Client = { socket, received: '' }
  socket.setEncoding('latin1').on('data', (text: string) => { client.received += text })
  await once(socket, 'connect')
  return client
}

/** Sends bytes, and resolves when the server has ended the connection. */
async function exchange (t: Test, service: Microservice, sent: string): Promise<Client> {
  const client = await clientOf(t, service)
  const ended = once(client.socket, 'end')
  client.socket.write(sent, 'latin1')
  await ended
  return client
}

const counts = ({ requestBytes, responseBytes }: LogLine): unknown[] => [requestBytes, responseBytes]

/** A backend that answers by path, and routes that Fastify answers itself. */
async function serviceFor (t: Test): Promise<Microservice> {
  const backend = await backendFor(t, (request, connection) => {
    const { path } = request
    if (path === '/204') connection.reply({ status: 204 })
    else if (path === '/304') connection.reply({ status: 304, headers: [['ETag', '"1"']], delimit: 'close' })
    else if (path === '/chunked') connection.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n')
    else if (path === '/large') connection.reply({ body: 'x'.repeat(300_000), headers: [['Content-Type', 'text/plain']] })
    else if (path === '/compressed') connection.reply({ body: Buffer.from('1f8b08000000000000034bcb0700a865326c03000000', 'hex'), headers: [['Content-Encoding', 'gzip']] })
    else if (path === '/hints') connection.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    else if (path === '/failing') connection.reply({ status: 500, body: 'failed' })
    else connection.reply({ body: 'hello', headers: [['Content-Type', 'text/plain']] })
  })
  const route = `import { proxy } from ${INDEX}
    import { Readable } from 'node:stream'
    export default async app => {
      app.get('/own/text', () => 'text')
      app.get('/own/stream', (_request, reply) => reply.type('text/plain').send(Readable.from(['a', 'b', 'c'])))
      app.get('/own/throws', () => { throw new Error('no good') })
      app.post('/own/echo', request => request.body)
      await app.register(proxy, { prefix: '/b', upstream: ${JSON.stringify(backend.url)}, earlyHints: true })
    }\n`
  return await microservice(t, { route })
}

const head = (line: string, more = ''): string => `${line} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: raw\r\nConnection: close\r\n${more}\r\n`

t.test('a line counts all bytes of its request and its response', async t => {
  const service = await serviceFor(t)
  const cases: [what: string, sent: string][] = [
    ['a short response, in one write', head('GET /b/short')],
    ['HEAD', head('HEAD /b/short')],
    ['204', head('GET /b/204')],
    ['304', head('GET /b/304')],
    ['a chunked response', head('GET /b/chunked')],
    ['a long response', head('GET /b/large')],
    ['a compressed response', head('GET /b/compressed')],
    ['103 and 200', head('GET /b/hints')],
    ['a failing backend', head('GET /b/failing')],
    ['a body with a length', `${head('POST /b/upload', 'Content-Length: 5\r\n')}hello`],
    ['a long body', `${head('POST /b/upload', 'Content-Length: 200000\r\n')}${'y'.repeat(200_000)}`],
    ['100 and 200', `${head('POST /b/upload', 'Content-Length: 5\r\nExpect: 100-continue\r\n')}hello`],
    ['100 without a body', head('GET /b/short', 'Expect: 100-continue\r\n')],
    ['a value with bytes above 0x7f, and an empty one', head('GET /b/short', 'X-Name: \xfcber\r\nX-Empty: \r\n')],
    ['an absolute target', head('GET http://shop.example/b/short?x=1')],
    ['HTTP/1.0', 'GET /b/short HTTP/1.0\r\nHost: shop.example\r\n\r\n'],
    ['a route of Fastify', head('GET /own/text')],
    ['a stream of Fastify', head('GET /own/stream')],
    ['a body that Fastify parses', `${head('POST /own/echo', 'Content-Type: application/json\r\nContent-Length: 7\r\n')}{"a":1}`],
    ['a route that throws', head('GET /own/throws')],
    ['404', head('GET /nowhere')],
    ['a path that the router refuses', head('GET /%zz')],
    ['a request that the gateway refuses', head('GET /b/short', 'Expect: more\r\n')],
    ['a health check', head('GET /health/ready')]
  ]
  let seen = 0
  for (const [what, sent] of cases) {
    const { received } = await exchange(t, service, sent)
    if (what === 'a health check') continue
    const lines = await linesOf(service, ++seen)
    t.same(counts(lines.at(-1)!), [sent.length, received.length], what)
  }
  t.equal(service.requests().length, cases.length - 1)
})

t.test('of a chunked request the head, the data and the trailers are counted, and not the framing of its chunks', async t => {
  const service = await serviceFor(t)
  const start = head('POST /b/upload', 'Transfer-Encoding: chunked\r\n')
  const { received } = await exchange(t, service, `${start}5;x=y\r\nhello\r\n3\r\n!!!\r\n0\r\nX-Sum: 1\r\n\r\n`)
  t.same(counts(await lineOf(service)), [start.length + 'hello!!!X-Sum: 1\r\n'.length, received.length])
})

t.test('each request of a connection has its own bytes', async t => {
  const service = await serviceFor(t)
  const client = await clientOf(t, service)
  const sent = [
    'GET /b/short HTTP/1.1\r\nHost: a\r\n\r\n', 'POST /b/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc', 'GET /own/text?longer=1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /b/large HTTP/1.1\r\nHost: a\r\n\r\n', 'HEAD /b/short HTTP/1.1\r\nHost: a\r\n\r\n'
  ]
  const expected: unknown[] = []
  for (const request of sent) {
    const before = client.received.length
    client.socket.write(request)
    await linesOf(service, expected.length + 1)
    const [, bytes] = counts(service.requests().at(-1)!) as [number, number]
    await until(() => client.received.length >= before + bytes)
    expected.push([request.length, client.received.length - before])
  }
  t.same(service.requests().map(counts), expected)
})

t.test('pipelined requests that come in one read have their own bytes, whichever is done first', async t => {
  const service = await serviceFor(t)
  const paths = ['/b/large', '/own/text', '/b/short', '/own/stream', '/b/chunked', '/nowhere', '/own/text']
  const sent = paths.map((path, i) => i < paths.length - 1 ? `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n` : head(`GET ${path}`))
  const { received } = await exchange(t, service, sent.join(''))
  const lines = await linesOf(service, sent.length)
  t.same(lines.map(({ url, requestBytes }) => [url, requestBytes]), paths.map((path, i) => [path, sent[i]!.length]))
  // Each response begins with its status line.
  const responses = received.split(/(?=HTTP\/1\.1 \d)/)
  t.same(lines.map(({ responseBytes }) => responseBytes), responses.map(({ length }) => length))
})

t.test('of an upload that its client cut, what has been read is counted', async t => {
  const service = await serviceFor(t)
  const client = await clientOf(t, service)
  const start = head('POST /b/upload', 'Content-Length: 100000\r\n')
  client.socket.write(start + 'x'.repeat(1_000))
  client.socket.end()
  const line = await lineOf(service)
  // Node answers the broken upload.
  t.match(line, { msg: 'client left', status: undefined })
  await until(() => client.socket.closed)
  t.same(counts(line), [start.length + 1_000, client.received.length])
})

t.test('of a request that never got its turn in a pipeline, no response is counted', async t => {
  const route = 'export default async app => { app.get("/never", () => new Promise(() => {})) }\n'
  const service = await microservice(t, { route })
  let begun = 0
  service.app.server.on('request', () => { begun++ })
  const client = await clientOf(t, service)
  const one = 'GET /never HTTP/1.1\r\nHost: a\r\n\r\n'
  client.socket.write(one + one)
  await until(() => begun === 2)
  client.socket.resetAndDestroy()
  t.same((await linesOf(service, 2)).map(line => [line.msg, line['clientIp'], ...counts(line)]), [['client left', '127.0.0.1', one.length, 0], ['client left', '127.0.0.1', one.length, 0]])
})

t.test('of a response that was cut, what the system took is counted', async t => {
  const total = 64 * 1024 * 1024
  const route = `export default async app => {
    const body = Buffer.alloc(${total})
    app.get('/at-once', (_request, reply) => reply.type('application/octet-stream').send(body))
  }\n`
  for (const end of ['resetAndDestroy', 'destroy'] as const) {
    const service = await microservice(t, { route })
    const socket = connect({ port: service.port, host: '127.0.0.1' })
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    socket.write('GET /at-once HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(socket, 'data')
    const read = socket.bytesRead
    socket.pause()
    socket[end]()
    const line = await lineOf(service)
    t.match(line, { msg: 'client left', status: 200 })
    const bytes = line['responseBytes'] as number
    t.ok(bytes >= read && bytes < total / 2, `${read} were read, ${bytes} are logged, of ${total}`)
    await service.app.close()
  }
})

t.test('a response that the backend cut has the bytes that were sent', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  const service = await microservice(t, { upstream: backend.url })
  const client = await clientOf(t, service)
  const sent = head('GET /')
  client.socket.write(sent)
  await until(() => client.received.endsWith('hello'))
  backend.connections[0]!.end()
  t.same(counts(await lineOf(service)), [sent.length, client.received.length])
})

t.test('a tunnel has a line at its 101 and one at its end, with the bytes of each', async t => {
  const backend = await webSocketBackend(t, {
    onUpgrade: (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')
      socket.on('data', data => { socket.write(Buffer.concat([data as Buffer, data as Buffer])) }).on('end', () => socket.end())
    }
  })
  const route = `import { proxy } from ${INDEX}
    export default async app => { await app.register(proxy, { prefix: '/live', upstream: ${JSON.stringify(backend.url)}, websocket: true }) }\n`
  const service = await microservice(t, { route })
  const client = await clientOf(t, service)
  const first = 'GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n'
  client.socket.write(first)
  await linesOf(service, 1)
  const [, before] = counts(service.requests()[0]!) as [number, number]
  await until(() => client.received.length === before)
  const asked = handshake('/live/chat?token=abc', 'User-Agent: raw\r\n')
  client.socket.write(asked)
  await until(() => client.received.length > before && client.received.endsWith('\r\n\r\n'))
  const [, opened] = await linesOf(service, 2)
  t.match(opened, { msg: 'upgraded', status: 101, url: '/live/chat?token=***' })
  const answered = client.received.length
  t.same(counts(opened!), [asked.length, answered - before])
  client.socket.write('x'.repeat(1_000))
  await until(() => client.received.length === answered + 2_000)
  client.socket.destroy()
  const [, , ended] = await linesOf(service, 3)
  t.match(ended, { level: 30, msg: 'tunnel ended', reqId: opened!['reqId'], method: 'GET', url: '/live/chat?token=***', host: 'a', userAgent: 'raw', clientIp: '127.0.0.1' })
  t.match(String(ended!['duration']), /^\d+$/)
  t.same(counts(ended!), [1_000, 2_000])
})

t.test('a request that is refused by its head has a line, with why and how many bytes', async t => {
  const service = await serviceFor(t)
  const cases: [sent: string, expected: object][] = [
    ['GET / HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n', { status: 400, err: { code: 'HPE_INVALID_HEADER_TOKEN', reason: /Invalid/ } }],
    ['nonsense?token=secret\r\n\r\n', { status: 400, err: { code: /^HPE_/ } }],
    ['GET / HTTP/3.0\r\nHost: a\r\n\r\n', { status: 505, err: { code: 'HPE_INVALID_VERSION', reason: 'Invalid HTTP version' } }],
    [`GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'secret'.repeat(4_000)}\r\n\r\n`, { status: 431, err: { code: 'HPE_HEADER_OVERFLOW' } }],
    ['CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\nUser-Agent: raw\r\n\r\n', { method: 'CONNECT', url: 'shop.example:443', host: 'shop.example:443', userAgent: 'raw', status: 405, err: { code: 'HOLDFAST_ERR_METHOD' } }]
  ]
  let seen = 0
  for (const [sent, expected] of cases) {
    const client = await clientOf(t, service)
    const closed = once(client.socket, 'close')
    client.socket.write(sent)
    await closed
    const line = (await linesOf(service, ++seen)).at(-1)!
    t.match(line, { level: 30, msg: 'request refused', clientIp: '127.0.0.1', ...expected }, sent.slice(0, 40))
    t.same(counts(line), [sent.length, client.received.length], sent.slice(0, 40))
  }
  t.notMatch(service.text(), 'secret')
})

t.test('a request that is refused behind others has a line of its own, and they have theirs', async t => {
  const service = await serviceFor(t)
  const sent = 'GET /b/short HTTP/1.1\r\nHost: a\r\n\r\n'
  const broken = 'GET / HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n'
  const client = await clientOf(t, service)
  const closed = once(client.socket, 'close')
  client.socket.write(sent + broken)
  await closed
  const [first, second] = await linesOf(service, 2)
  const [one, two] = client.received.split(/(?=HTTP\/1\.1 \d)/)
  t.same([first!.msg, ...counts(first!)], ['request completed', sent.length, one!.length])
  t.same([second!.msg, ...counts(second!)], ['request refused', broken.length, two!.length])
})

t.test('a client that goes on after a request that is refused has no more lines', async t => {
  const service = await microservice(t, { route: 'export default async app => { app.get("/slow", () => new Promise(() => {})) }\n' })
  let errors = 0
  service.app.server.on('clientError', () => { errors++ })
  const client = await clientOf(t, service)
  const closed = once(client.socket, 'close')
  client.socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n')
  await until(() => errors > 0)
  client.socket.write('more nonsense\r\n\r\n')
  await until(() => errors > 1)
  client.socket.resetAndDestroy()
  await closed
  await linesOf(service, 2)
  t.same(service.requests().map(({ msg }) => msg).sort(), ['client left', 'request refused'])
})

t.test('a request that is refused in the middle of its body has one line', async t => {
  const service = await serviceFor(t)
  const start = head('POST /b/upload', 'Transfer-Encoding: chunked\r\n')
  const client = await clientOf(t, service)
  const closed = once(client.socket, 'close')
  client.socket.write(`${start}5\r\nhello\r\nzz\r\n`)
  await closed
  const line = await lineOf(service)
  t.match(line, { level: 30, msg: 'request refused', method: 'POST', url: '/b/upload', status: 400, err: { code: 'HPE_INVALID_CHUNK_SIZE', reason: 'Invalid character in chunk size' } })
  t.same(counts(line), [start.length + 'hello'.length, client.received.length])
})

t.test('a head that comes too slowly has a line, and a connection that sends nothing has none', async t => {
  const service = await serviceFor(t)
  service.app.server.headersTimeout = 50
  const silent = await clientOf(t, service)
  const slow = await clientOf(t, service)
  const closed = Promise.all([silent, slow].map(({ socket }) => once(socket, 'close')))
  slow.socket.write('GET / HTTP/1.1\r\nHost: a\r\n')
  await closed
  const line = await lineOf(service)
  t.match(line, { level: 30, msg: 'request refused', status: 408, err: { code: 'ERR_HTTP_REQUEST_TIMEOUT' } })
  t.same(counts(line), ['GET / HTTP/1.1\r\nHost: a\r\n'.length, slow.received.length])
})
