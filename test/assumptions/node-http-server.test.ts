// What src/quirks/node-http-server.ts relies on of node:http, asked of Node alone.
import { on, once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'

async function pair (t: Test, listener: RequestListener): Promise<{ server: Server, socket: Socket, accepted: Socket }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  server.on('connection', (accepted: Socket) => accepted.on('error', () => {}))
  t.teardown(() => { server.close().closeAllConnections() })
  await once(server, 'listening')
  const connection = once(server, 'connection') as Promise<[Socket]>
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const [[accepted]] = await Promise.all([connection, once(socket, 'connect')])
  socket.on('error', () => {})
  return { server, socket, accepted }
}

async function until (socket: Socket, text: string): Promise<void> {
  let read = ''
  for await (const [chunk] of on(socket, 'data') as AsyncIterable<[Buffer]>) {
    read += chunk.toString('latin1')
    if (read.includes(text)) return
  }
}

const BODY = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n'

for (const [reader, read] of [
  ['a data listener', (request: IncomingMessage) => { request.on('data', () => {}) }],
  ['a resume', (request: IncomingMessage) => { request.resume() }],
  ['read()', (request: IncomingMessage) => { request.read() }],
  ['an iterator', (request: IncomingMessage) => { request[Symbol.asyncIterator]().next().catch(() => {}) }]
] as const) {
  t.test(`the _read of a request is called once ${reader} begins to read it, and not before`, async t => {
    const asked: string[] = []
    const { socket } = await pair(t, (request, response) => {
      const { _read } = request
      request._read = size => {
        request._read = _read
        asked.push('read')
        _read.call(request, size)
      }
      setTimeout(() => {
        asked.push('begins')
        read(request)
        setImmediate(() => response.end('text'))
      }, 20)
    })
    // None of the body has come: its client waits for a 100.
    socket.write(BODY)
    await until(socket, 'text')
    t.strictSame(asked, ['begins', 'read'])
  })
}

t.test('so it is where node reads what is left of a body, behind the answer', async t => {
  const asked: string[] = []
  const { socket } = await pair(t, (request, response) => {
    const { _read } = request
    request._read = size => {
      request._read = _read
      asked.push(response.headersSent ? 'behind the answer' : 'before the answer')
      _read.call(request, size)
    }
    response.end('text')
  })
  socket.write(BODY)
  await until(socket, 'text')
  t.strictSame(asked, ['behind the answer'])
})

t.test('of a request with more than 1 000 lines, headers has no more than those, and nothing tells of it', async t => {
  let message: IncomingMessage | undefined
  const { server, socket } = await pair(t, (request, response) => {
    message = request
    response.end('text')
  })
  t.equal(server.maxHeadersCount, null)
  server.on('clientError', (_error, client) => client.destroy())
  socket.write(`GET / HTTP/1.1\r\n${Array.from({ length: 1_000 }, (_, i) => `h${i}: v\r\n`).join('')}\r\n`.replace('h999: v', 'Host: a'))
  await until(socket, 'text')
  t.equal(Object.keys(message!.headers).length, 1_000)
  t.equal(message!.rawHeaders.length, 2_000)
  const other = await pair(t, (request, response) => {
    message = request
    response.end('text')
  })
  message = undefined
  let refused = false
  other.server.on('clientError', (_error, client: Socket) => {
    refused = true
    client.end('text')
  })
  other.socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${Array.from({ length: 1_100 }, (_, i) => `h${i}: v\r\n`).join('')}\r\n`)
  await until(other.socket, 'text')
  // Node 24 may refuse it.
  if (!refused) {
    t.equal(Object.keys(message!.headers).length, 1_000)
    t.ok(message!.rawHeaders.length >= 2_000)
  }
})

t.test("the parser's errors have codes that begin with HPE_, and those of a socket do not", async t => {
  const codes: (string | undefined)[] = []
  const length = 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n'
  for (const bytes of ['GET / HTTP/1.1\r\n\u0001: b\r\n\r\n', 'nonsense\r\n\r\n', length]) {
    const { server, socket } = await pair(t, () => {})
    const told = once(server, 'clientError') as Promise<[NodeJS.ErrnoException, Socket]>
    socket.write(Buffer.from(bytes, 'latin1'))
    const [error, client] = await told
    codes.push(error.code?.slice(0, 4))
    client.destroy()
  }
  t.strictSame(codes, ['HPE_', 'HPE_', 'HPE_'])
  const { server, socket, accepted } = await pair(t, () => {})
  const told = once(server, 'clientError') as Promise<[NodeJS.ErrnoException, Socket]>
  // Read first: a reset that comes together with bytes is an end to libuv, and an error of the parser's.
  socket.write('GET / HTTP/1.1\r\n')
  while (accepted.bytesRead === 0) await new Promise(resolve => setImmediate(resolve))
  socket.resetAndDestroy()
  const [error, client] = await told
  t.equal(error.code, 'ECONNRESET')
  client.destroy()
})

t.test('a version that the parser does not know has a reason that says so', async t => {
  for (const version of ['1.2', '3.0', '9.9']) {
    const { server, socket } = await pair(t, () => {})
    const told = once(server, 'clientError') as Promise<[Error & { reason?: string }, Socket]>
    socket.write(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`)
    const [{ reason }, client] = await told
    t.equal(reason, 'Invalid HTTP version', version)
    client.destroy()
  }
})

t.test('clientError is emitted while a response ahead has the socket, and only the request that broke is not complete', async t => {
  let ahead: IncomingMessage | undefined
  const { server, socket } = await pair(t, request => { ahead = request })
  const told = once(server, 'clientError') as Promise<[Error, Socket & { _httpMessage?: { req: IncomingMessage } | null }]>
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n')
  const [, client] = await told
  t.equal(client._httpMessage!.req, ahead)
  t.equal(ahead!.complete, true)
  client.destroy()
  const broken = await pair(t, request => { request.resume() })
  const toldToo = once(broken.server, 'clientError') as Promise<[Error, Socket & { _httpMessage?: { req: IncomingMessage } | null }]>
  broken.socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n')
  const [, other] = await toldToo
  t.equal(other._httpMessage!.req.complete, false)
  other.destroy()
})

t.test('each piece of a body goes through push of its request', async t => {
  for (const [sent, length] of [[`${BODY}hello`, 5], ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n3\r\n!!!\r\n0\r\n\r\n', 8]] as const) {
    let pushed = 0
    const done = new Promise<void>(resolve => {
      pair(t, (request, response) => {
        const { push } = request
        request.push = function (chunk: Buffer | null, encoding) {
          pushed += chunk?.length ?? 0
          return push.call(request, chunk, encoding)
        }
        request.resume().once('end', () => {
          response.end()
          resolve()
        })
      }).then(({ socket }) => { socket.write(sent) }, (error: unknown) => { t.fail(String(error)) })
    })
    await done
    t.equal(pushed, length)
  }
})
