import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { proxy } from '../plugins/proxy.js'
import { sampleLoad } from '../src/service/sample-load.js'
import { getGateway } from '../src/gateway/state.js'

const IDLE_LIMIT = 2_000
const SLOW = 800

interface Sample {
  readonly name: string
  /** How the backend behaves: each of its answers says so. */
  readonly does: string
  /** What a user can see of it: logged behind its curl command. */
  readonly shows: string
  create (answer: (socket: Socket) => string): Server
}

const SAMPLES: readonly Sample[] = [
  {
    name: 'persistent',
    does: 'keeps its connections open',
    shows: 'keeps its connections open: ask again and again, served goes up',
    create: answer => httpServer(answer)
  },
  {
    name: 'idle-closer',
    does: `closes a connection that has been idle for ${IDLE_LIMIT / 1_000} s, and does not say so before`,
    shows: `closes idle connections unannounced after ${IDLE_LIMIT / 1_000} s: ask at any pace, no request fails`,
    create: answer => closeWhenIdle(httpServer(answer))
  },
  {
    name: 'close',
    does: 'says Connection: close each time',
    shows: 'says Connection: close each time: after a few requests the gateway asks for nothing else, and your connection stays',
    create: answer => httpServer(answer, { Connection: 'close' })
  },
  {
    name: 'http10',
    does: 'speaks HTTP/1.0 and ends each connection after its answer',
    shows: 'speaks HTTP/1.0: you are answered in HTTP/1.1',
    create: http10Server
  },
  {
    name: 'slow',
    does: `takes ${SLOW} ms for an answer`,
    shows: `takes ${SLOW} ms: ask from several terminals at once, each gets a connection`,
    create: answer => httpServer(answer, {}, SLOW)
  }
]

/**
 * Sample backends on free loopback ports, each behind a proxy under `/samples/`, to try the gateway with before there is a backend.
 *
 * @param options `load`: whether a low load is sent to them; false
 */
export default async function samples (app: FastifyInstance, { load = false }: { load?: boolean } = {}): Promise<void> {
  if (load) sampleLoad(app, () => curlOrigin(app))
  for (const sample of SAMPLES) {
    const port = await start(app, sample)
    await app.register(proxy, { prefix: `/samples/${sample.name}`, upstream: `http://127.0.0.1:${port}`, target: `samples/${sample.name}` })
  }
  app.addHook('onListen', async () => {
    // The app may have been closed while hooks before this one ran.
    if (!app.server.listening) return
    const origin = curlOrigin(app)
    for (const { name, shows } of SAMPLES) app.log.info(`curl ${origin}/samples/${name} # ${shows}`)
    const { admin } = getGateway(app)
    if (admin !== undefined) app.log.info(`open ${admin.url} # the dashboard: what happens to each connection, as it happens`)
    app.log.warn('THIS IS A DEMONSTRATION: sample backends answer under /samples/, and no backend of yours is proxied. ' +
      'To proxy one, set UPSTREAMS, like UPSTREAMS=/users=http://users:3000')
  })
}

async function start (app: FastifyInstance, { name, does, create }: Sample): Promise<number> {
  const served = new WeakMap<Socket, number>()
  const sockets = new Set<Socket>()
  const server = create(socket => {
    const count = (served.get(socket) ?? 0) + 1
    served.set(socket, count)
    return `${JSON.stringify({ backend: name, does, served: count, connection: socket.remotePort })}\n`
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    // The gateway resets connections that it gives up: that is no failure here.
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  })
  app.addHook('onClose', async () => {
    const closed = new Promise(resolve => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function httpServer (answer: (socket: Socket) => string, headers: Record<string, string> = {}, delay = 0): HttpServer {
  const server = createHttpServer((request, response) => {
    request.resume()
    const send = (): void => { response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(answer(request.socket)) }
    if (delay === 0) send()
    else setTimeout(send, delay).unref()
  })
  // No idle limit, and no Keep-Alive header that would announce one.
  server.keepAliveTimeout = 0
  return server
}

function closeWhenIdle (server: HttpServer): HttpServer {
  const timers = new WeakMap<Socket, NodeJS.Timeout>()
  return server.on('request', ({ socket }, response) => {
    clearTimeout(timers.get(socket))
    response.once('finish', () => timers.set(socket, setTimeout(() => socket.end(), IDLE_LIMIT).unref()))
  })
}

// A server of node:http answers in HTTP/1.1 only.
function http10Server (answer: (socket: Socket) => string): Server {
  // Half-open: a body that is still on its way is read, and not answered with a reset.
  return createTcpServer({ allowHalfOpen: true }, socket => {
    let head = ''
    socket.on('end', () => socket.end())
    socket.on('data', (chunk: Buffer) => {
      if (socket.writableEnded) return
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      const body = answer(socket)
      const answerHead = `HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
      socket.end(head.startsWith('HEAD ') ? answerHead : answerHead + body)
    })
  })
}

/** The origin of the gateway as this machine reaches it: the loopback address where the gateway listens on all addresses. */
function curlOrigin (app: FastifyInstance): string {
  const { address, port, family } = app.server.address() as AddressInfo
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
