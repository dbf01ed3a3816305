import t, { type Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import type { RawClient } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

async function between (t: Test, script: BackendScript, route: ProxyOptions = {}): Promise<RunningGateway & { backend: Backend, client: RawClient }> {
  const backend = await backendFor(t, script, { log: true })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, ...route }] })
  return Object.assign(running, { backend, client: await clientFor(t, running) })
}

const get = (path = '/', fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`

t.test('a client\'s Connection: close is not forwarded, and the backend\'s connection is kept', async t => {
  const { backend, port } = await between(t, (_request, connection) => connection.reply())
  for (let n = 0; n < 3; n++) {
    const client = await clientFor(t, { port })
    client.write(get('/', 'Connection: close\r\n'))
    const response = await client.response()
    t.equal(response.header('connection'), 'close', 'the client gets what it asked for')
    t.equal(await client.ended, 'fin')
  }
  t.equal(backend.accepted, 1)
  t.notOk(backend.log.some(({ header }) => header('connection') === 'close'))
})

t.test('a backend\'s Connection: close is not forwarded, and the client\'s connection is kept', async t => {
  const { backend, client } = await between(t, (_request, connection) => {
    connection.reply({ headers: { Connection: 'close, X-Hop', 'X-Hop': '1', 'Keep-Alive': 'timeout=1', 'X-End': '2' } })
    connection.end()
  })
  for (let n = 0; n < 2; n++) {
    client.write(get())
    const response = await client.response()
    t.notMatch(response.header('connection'), /close/i)
    t.equal(response.header('x-hop'), undefined)
    t.equal(response.header('x-end'), '2')
  }
  t.equal(backend.accepted, 2)
})

t.test('a Trailer header, and trailers, are dropped', async t => {
  const { client } = await between(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n'))
  client.write(get())
  const response = await client.response()
  t.equal(response.header('trailer'), undefined)
  t.strictSame(response.trailers, [])
  t.equal(response.body.toString(), 'hello')
})

t.test('two Location headers stay two, each rewritten', async t => {
  const { client } = await between(t, (_request, connection) => connection.reply({
    status: 302, headers: [['Location', '/inside/a'], ['Location', 'http://elsewhere.example/b']]
  }), { prefix: '/outside', rewritePrefix: '/inside' })
  client.write(get('/outside/x'))
  const response = await client.response()
  t.equal(response.status, 302)
  t.strictSame(response.headerAll('location'), ['/outside/a', 'http://elsewhere.example/b'])
})

t.test('a 304 keeps its ETag and Content-Length', async t => {
  const { client, backend } = await between(t, (_request, connection) => connection.reply({ status: 304, headers: { ETag: '"1"', 'Content-Length': '1000' } }))
  for (let n = 0; n < 3; n++) {
    client.write(get('/', 'If-None-Match: "1"\r\n'))
    const response = await client.response()
    t.equal(response.status, 304)
    t.equal(response.header('etag'), '"1"')
    t.equal(response.header('content-length'), '1000')
    t.equal(response.body.length, 0)
  }
  t.equal(client.unread.length, 0)
  t.strictSame(backend.log.map(({ header }) => header('if-none-match')), ['"1"', '"1"', '"1"'])
})

t.test('the answer to HEAD keeps its Content-Length', async t => {
  const { client, backend } = await between(t, (_request, connection) => connection.reply({ body: 'x'.repeat(1_000) }), { undiciOptions: { connections: 1 } })
  for (let n = 0; n < 3; n++) {
    client.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
    const response = await client.response({ head: true })
    t.equal(response.header('content-length'), '1000')
  }
  client.write(get())
  t.equal((await client.response()).body.length, 1_000)
  t.equal(backend.accepted, 1)
})

t.test('interim responses are dropped', async t => {
  const { client } = await between(t, (_request, connection) => {
    connection.write('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    connection.reply({ body: 'final' })
  })
  client.write(get())
  const response = await client.response()
  t.equal(response.status, 200)
  t.equal(response.header('link'), undefined)
  t.equal(response.body.toString(), 'final')
})

t.test('bytes after a response end their connection, and reach no other answer', async t => {
  const { client, backend, target } = await between(t, ({ path }, connection) => {
    connection.reply({ body: path })
    if (path === '/poison') connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
  })
  client.write(get('/poison'))
  const first = await client.response()
  t.ok(first.status === 502 || first.body.toString() === '/poison')
  await backend.waitFor(({ open }) => open === 0)
  client.write(get('/good'))
  t.equal((await client.response()).body.toString(), '/good')
  t.equal(backend.accepted, 2)
  t.equal(target.snapshot().connections.active, 0)
})

t.test('a status with its own reason, odd headers and every byte of a body arrive', async t => {
  const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const { client } = await between(t, (_request, connection) => connection.reply({
    status: 299, reason: 'Very Own', headers: [['X-Empty', ''], ['X-Twice', '1'], ['X-Twice', '2'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']], body
  }))
  client.write(get())
  const response = await client.response()
  t.equal(response.status, 299)
  t.equal(response.header('x-empty'), '')
  t.strictSame(response.headerAll('x-twice'), ['1', '2'])
  t.strictSame(response.headerAll('set-cookie'), ['a=1', 'b=2'])
  t.equal(response.header('via'), '1.1 holdfast')
  t.equal(response.header('content-type'), undefined, 'no Content-Type is added')
  t.strictSame(response.body, body)
})

const machinery = async (t: Test, name: string): Promise<void> => {
  for (const size of [0, 10, 1_000_000]) {
    const { client } = await between(t, (_request, connection) => connection.reply({
      headers: [[name, 'one'], [name, 'two'], ['X-A', '1']], body: Buffer.alloc(size, 'x')
    }))
    client.write(get())
    const response = await client.response()
    t.equal(response.body.length, size)
    t.equal(response.header('x-a'), '1')
    const allowed = /^(?:__proto__|constructor|tostring|valueof|x-a|via|date|connection|keep-alive|content-length|transfer-encoding)$/i
    t.strictSame(response.rawHeaders.filter(([name]) => !allowed.test(name)), [], `${name}, ${size} bytes`)
  }
}

t.test('headers named like members of Object.prototype are plain headers', async t => {
  for (const name of ['constructor', 'toString', 'valueOf']) await machinery(t, name)
})

t.test('two headers named __proto__ add none of another name', t => machinery(t, '__proto__'))

t.test('a body without a type, small or large, gets none', async t => {
  for (const size of [0, 10, 1_000_000]) {
    const { client } = await between(t, (_request, connection) => connection.reply({ body: Buffer.alloc(size, 'x') }))
    client.write(get())
    const response = await client.response()
    t.equal(response.body.length, size)
    t.equal(response.header('content-type'), undefined)
  }
})
