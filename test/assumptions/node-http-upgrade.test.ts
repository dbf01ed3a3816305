// What src/quirks/node-http-upgrade.ts relies on of node:http, asked of Node alone.
import { on, once } from 'node:events'
import { ServerResponse, createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { TLSSocket, connect as connectTls } from 'node:tls'
import t from 'tap'
import type { Test } from 'tap'
import { certificates } from '../../testing/certificates.js'

const { ca, server: own } = certificates()
const UPGRADE = 'GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const GET = 'GET /plain HTTP/1.1\r\nHost: a\r\n\r\n'

/** A server and a client of it. */
async function pair (t: Test, listener: RequestListener, { tls = false } = {}): Promise<{ server: Server, socket: Socket }> {
  const server = (tls ? createSecureServer(own, listener) : createServer(listener)).listen(0, '127.0.0.1')
  server.on('connection', (accepted: Socket) => accepted.on('error', () => {}))
  if (tls) server.on('secureConnection', (accepted: Socket) => accepted.on('error', () => {}))
  t.teardown(() => { server.close().closeAllConnections() })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = tls ? connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' }) : connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, tls ? 'secureConnect' : 'connect')
  socket.on('error', () => {})
  return { server, socket }
}

/** All that a socket reads until a text is among it. */
async function until (socket: Socket, text: string): Promise<string> {
  let read = ''
  for await (const [chunk] of on(socket, 'data') as AsyncIterable<[Buffer]>) {
    read += chunk.toString('latin1')
    if (read.includes(text)) break
  }
  return read
}

t.test('node calls the current `emit` of its server for an upgrade, if the server has a listener for it, whenever that was added', async t => {
  const { server, socket } = await pair(t, (_request, response) => response.end('no upgrade'))
  socket.write(UPGRADE)
  t.match(await until(socket, 'no upgrade'), /200 OK/, 'where nothing listens it is an ordinary request')
  server.on('upgrade', () => {})
  const { emit } = server
  let taken = 0
  server.emit = ((event: string, ...given: unknown[]): boolean => {
    if (event !== 'upgrade') return Reflect.apply(emit, server, [event, ...given]) as boolean
    taken++
    const [request, upgraded, head] = given as [IncomingMessage, Socket, Buffer]
    t.equal(request.url, '/up')
    t.equal(String(head), 'first')
    upgraded.end('HTTP/1.1 101 Switching Protocols\r\n\r\ntaken')
    return true
  }) as typeof emit
  server.on('upgrade', () => t.fail('a listener that was added later'))
  socket.write(`${UPGRADE}first`)
  t.match(await until(socket, 'taken'), /^HTTP\/1.1 101/)
  t.equal(taken, 1)
})

for (const tls of [false, true]) {
  t.test(`a socket that node has let go of is parsed again, from other bytes on, and serves on: ${tls ? 'TLS' : 'plain'}`, async t => {
    const asked: string[] = []
    const { server, socket } = await pair(t, (request, response) => {
      asked.push(request.url!)
      response.end(`asked for ${request.url}\n`)
    }, { tls })
    server.once('upgrade', (_request, upgraded: Socket & { server?: Server }, head) => {
      t.ok(upgraded.server === server, 'it knows its server')
      t.equal(upgraded instanceof TLSSocket, tls)
      upgraded.setTimeout(0)
      upgraded.unshift(Buffer.concat([Buffer.from('GET /again HTTP/1.1\r\nHost: a\r\n\r\n'), head]))
      server.emit(tls ? 'secureConnection' : 'connection', upgraded)
    })
    socket.write(UPGRADE + GET)
    await until(socket, 'asked for /plain')
    socket.write(GET)
    await until(socket, 'asked for /plain')
    t.same(asked, ['/again', '/plain', '/plain'])
  })
}

t.test('a response is put on such a socket, written to it, and taken off it', async t => {
  const { server, socket } = await pair(t, () => {})
  const done = new Promise<void>(resolve => {
    server.once('upgrade', (request, upgraded: Socket) => {
      const response = new ServerResponse(request)
      response.shouldKeepAlive = false
      response.assignSocket(upgraded)
      t.equal(response.socket, upgraded)
      response.writeHead(101, { connection: 'Upgrade', upgrade: 'x' })
      response.end()
      response.detachSocket(upgraded)
      t.equal(response.socket, null)
      upgraded.write('bytes')
      resolve()
    })
  })
  socket.write(UPGRADE)
  const read = await until(socket, 'bytes')
  await done
  t.match(read, /^HTTP\/1.1 101 Switching Protocols\r\n[^]*\r\n\r\nbytes$/)
})

t.test('without shouldKeepAlive an answer says close, with its body framed', async t => {
  const { server, socket } = await pair(t, () => {})
  server.once('upgrade', (request, upgraded: Socket) => {
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(upgraded)
    response.on('finish', () => upgraded.end())
    response.writeHead(400, { 'content-length': 4 }).end('text')
  })
  socket.write(UPGRADE)
  t.match(await until(socket, 'text'), /^HTTP\/1.1 400 Bad Request\r\n[^]*Connection: close\r\n/)
})

t.test('a response on such a socket is told of no drain, unless it is passed on', async t => {
  const { server, socket } = await pair(t, () => {})
  socket.pause()
  const response = await new Promise<ServerResponse>(resolve => {
    server.once('upgrade', (request, upgraded: Socket) => {
      const response = new ServerResponse(request)
      response.assignSocket(upgraded)
      resolve(response)
    })
    socket.write(UPGRADE)
  })
  let drains = 0
  response.on('drain', () => { drains++ })
  const upgraded = response.socket!
  while (response.write(Buffer.alloc(1_000_000)));
  socket.resume()
  await once(upgraded, 'drain')
  await new Promise(resolve => setImmediate(resolve))
  t.equal(drains, 0)
  upgraded.on('drain', () => { response.emit('drain') })
  while (response.write(Buffer.alloc(1_000_000)));
  await once(upgraded, 'drain')
  t.equal(drains, 1)
})

t.test('an upgrade is emitted while the responses ahead of it are written, which are told of no drain either', async t => {
  let ahead: ServerResponse | undefined
  const { server, socket } = await pair(t, (_request, response) => { ahead = response })
  const upgraded = new Promise<Socket>(resolve => { server.once('upgrade', (_request, upgraded: Socket) => resolve(upgraded)) })
  socket.pause().write(GET + UPGRADE)
  const letGo = await upgraded
  t.equal((letGo as Socket & { _httpMessage?: unknown })._httpMessage, ahead)
  let drains = 0
  ahead!.on('drain', () => { drains++ })
  while (ahead!.write(Buffer.alloc(1_000_000)));
  socket.resume()
  await once(letGo, 'drain')
  await new Promise(resolve => setImmediate(resolve))
  t.equal(drains, 0)
  ahead!.end()
  await once(ahead!, 'close')
})
