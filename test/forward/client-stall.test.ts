import { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { onClientStall } from '../../src/forward/client-stall.js'
import { until } from '../../testing/gateway.js'

const TIMEOUT = 200
/** More than the kernel buffers for a client on loopback. */
const LARGE = Buffer.alloc(8_388_608)
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

interface Watched { readonly response: ServerResponse, stalled: number | undefined, readonly since: number }

function watchInto (all: Watched[]): (message: IncomingMessage, response: ServerResponse) => void {
  return (message, response) => {
    const watched: Watched = { response, stalled: undefined, since: performance.now() }
    all.push(watched)
    onClientStall(message, response, TIMEOUT, () => { watched.stalled = performance.now() - watched.since })
  }
}

async function serve (t: Test): Promise<{ watched: Watched[], port: number }> {
  const watched: Watched[] = []
  const server = createServer(watchInto(watched))
  t.teardown(() => server.close().closeAllConnections())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { watched, port: (server.address() as AddressInfo).port }
}

t.test('a client that does not read stalls its current response, and the one behind it', async t => {
  const { watched, port } = await serve(t)
  const client = connect(port, '127.0.0.1').pause()
  t.teardown(() => client.destroy())
  client.write(GET + GET)
  await until(() => watched.length === 2)
  watched[0]!.response.end(LARGE)
  await until(() => watched.every(({ stalled }) => stalled !== undefined))
  for (const { stalled } of watched) t.ok(stalled! >= TIMEOUT, `not before its time: ${stalled} ms`)
})

t.test('a client does not stall while the response ahead has nothing to send', async t => {
  const { watched, port } = await serve(t)
  const client = connect(port, '127.0.0.1').resume()
  t.teardown(() => client.destroy())
  client.write(GET + GET)
  await until(() => watched.length === 2)
  watched[0]!.response.write('a head and no more')
  await new Promise(resolve => setTimeout(resolve, 3 * TIMEOUT))
  t.strictSame(watched.map(({ stalled }) => stalled), [undefined, undefined])
  for (const { response } of watched) response.end()
})

/** In steps, since the mocked clock does not run timers that are set during a step. */
function pass (ms: number): void {
  for (let passed = 0; passed < ms; passed += 10) mock.timers.tick(10)
}

t.test('a client that reads a little at times does not stall, until it reads nothing for the whole timeout', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const socket = Object.assign(new EventEmitter(), { writableLength: 100_000, bytesWritten: 200_000, _handle: { writeQueueSize: 50_000 } })
  const response = Object.assign(new EventEmitter(), { socket, destroyed: false })
  let stalled = 0
  onClientStall({ socket } as unknown as IncomingMessage, response as unknown as ServerResponse, TIMEOUT, () => { stalled++ })
  // Progress within the current write, then by completed writes, then with more written after them.
  for (let i = 0; i < 10; i++) {
    socket._handle.writeQueueSize -= 1_000
    pass(TIMEOUT * 0.9)
  }
  for (let i = 0; i < 10; i++) {
    socket.writableLength -= 1_000
    pass(TIMEOUT * 0.9)
  }
  t.equal(stalled, 0)
  socket.writableLength += 50_000
  socket.bytesWritten += 50_000
  pass(TIMEOUT * 0.5)
  t.equal(stalled, 1, 'what is written behind is nothing that it takes')
  pass(TIMEOUT * 10)
  t.equal(stalled, 1)
})

t.test('over HTTP/2 the client\'s window counts', async t => {
  const watched: Watched[] = []
  const watch = watchInto(watched)
  const server = createHttp2Server((message, response) => watch(message as unknown as IncomingMessage, response as unknown as ServerResponse))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => {
    session.destroy()
    server.close()
  })
  const unread = session.request({ ':path': '/' }).on('error', () => {})
  const silent = session.request({ ':path': '/' }).on('error', () => {})
  await until(() => watched.length === 2)
  watched[0]!.response.end(LARGE)
  watched[1]!.response.write('a head and no more')
  silent.resume()
  await until(() => watched[0]!.stalled !== undefined)
  t.ok(watched[0]!.stalled! >= TIMEOUT, `${watched[0]!.stalled} ms`)
  t.equal(watched[1]!.stalled, undefined)
  t.equal(watched[0]!.response.listenerCount('drain'), 0)
  unread.close()
})

t.test('no timer or listener is left after the response', async t => {
  const { watched, port } = await serve(t)
  const client = connect(port, '127.0.0.1').resume()
  t.teardown(() => client.destroy())
  client.write(GET)
  await until(() => watched.length === 1)
  const { response } = watched[0]!
  response.end('x')
  await until(() => response.closed)
  t.strictSame([response.listenerCount('close'), response.listenerCount('drain')], [0, 0])
})
