import type { AddressInfo, Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { buildConnector } from 'undici'
import { gateway, getGateway, proxy } from '../../src/index.js'
import type { Gateway, GatewayOptions, ProxyOptions, Target } from '../../src/index.js'
import type { Cause } from './cause.js'
import { type Cell, LIMIT, LONG, REPLAY_LIMIT } from './cell.js'
import { CellBackend } from './cell-backend.js'
import { Gate } from './gate.js'

/** The gates of a cell's hooks, and of its dial. */
export class Gates {
  readonly admit = new Gate()
  readonly head = new Gate()
  readonly onResponse = new Gate()
  readonly dial = new Gate()
  /** Passed when the cell's request has reached the server. */
  readonly came = new Gate()

  open (): void {
    for (const gate of [this.admit, this.head, this.onResponse, this.dial]) gate.open()
  }
}

/** An app with a gateway, its backend, and what is observed of both. One for each cell. */
export class World {
  readonly app: FastifyInstance
  readonly backend: CellBackend
  readonly gates = new Gates()
  readonly sockets = new Set<Socket>()
  readonly sessions = new Set<ServerHttp2Session>()
  readonly streams = new Set<ServerHttp2Stream>()
  /** Fastify's request and reply of the cell's request. */
  request: FastifyRequest | undefined
  reply: FastifyReply | undefined
  /** The stream with which a preParsing hook replaced the body. */
  hookStream: PassThrough | undefined
  /** While it is set, dials wait at their gate. */
  holdsDials = false
  #closed: Promise<void> | undefined

  private constructor (app: FastifyInstance, backend: CellBackend) {
    this.app = app
    this.backend = backend
  }

  static async open (cell: Cell, cause: Cause): Promise<World> {
    const backend = await CellBackend.start(cause)
    const http2 = cell.protocol === 'http2'
    const app = Fastify((http2 ? { http2: true } : {}) as object) as unknown as FastifyInstance
    const world = new World(app, backend)
    world.#watch()
    world.#hooks(cell, cause)
    cause.hooks?.(app)
    await app.register(gateway, merged(world.#gatewayOptions(cell), cause.gateway?.(cell) ?? {}))
    await app.register(proxy, { ...world.#routeOptions(cell), ...cause.route?.(cell), upstream: backend.server.url })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return world
  }

  get gateway (): Gateway {
    return getGateway(this.app)
  }

  get target (): Target {
    const [target] = this.gateway.targets
    return target!
  }

  get port (): number {
    return (this.app.addresses()[0] as AddressInfo).port
  }

  /** Requests that have a connection, wait for one, or have a dial under way. */
  get busy (): number {
    const { active, connecting, pending, upgraded } = this.target.snapshot().connections
    return active + connecting + pending + upgraded
  }

  async close (): Promise<void> {
    this.#closed ??= (async () => {
      await this.app.close()
    })()
    await this.#closed
  }

  #watch (): void {
    const server = this.app.server as unknown as NodeJS.EventEmitter
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
    server.on('session', (session: ServerHttp2Session) => {
      this.sessions.add(session)
      session.once('close', () => this.sessions.delete(session))
      session.on('stream', (stream: ServerHttp2Stream) => {
        this.streams.add(stream)
        stream.once('close', () => this.streams.delete(stream))
      })
    })
    server.on('request', ({ url }: { url: string }) => { if (url.startsWith('/cell')) this.gates.came.mark() })
  }

  /** Adds hooks that wait where a cell stops, at `head` and `admit` only, since a waiting hook changes what is tested. */
  #hooks ({ step, body }: Cell, { holdsIn }: Cause): void {
    const { app, gates } = this
    app.addHook('onRequest', async (request, reply) => {
      if (!isCell(request)) return
      gates.came.mark()
      this.request = request
      this.reply = reply
      if (step === 'admit' && (holdsIn ?? 'onRequest') === 'onRequest') await gates.admit.pass()
    })
    if (step === 'admit' && holdsIn === 'preHandler') app.addHook('preHandler', async request => { if (isCell(request)) await gates.admit.pass() })
    if (body === 'hook' || holdsIn === 'preParsing') {
      app.addHook('preParsing', async (request, _reply, payload) => {
        if (!isCell(request)) return payload
        if (step === 'admit' && holdsIn === 'preParsing') await gates.admit.pass()
        if (body !== 'hook') return payload
        this.hookStream = payload.pipe(new PassThrough())
        return this.hookStream
      })
    }
    if (step !== 'head') return
    if (holdsIn === 'onSend with done') {
      app.addHook('onSend', (request, _reply, payload, done) => {
        if (isCell(request)) gates.head.pass().then(() => done(null, payload), done)
        else done(null, payload)
      })
    } else {
      app.addHook('onSend', async (request, _reply, payload) => {
        if (isCell(request)) await gates.head.pass()
        return payload
      })
    }
  }

  #gatewayOptions ({ step }: Cell): GatewayOptions {
    const connector = buildConnector({ timeout: LONG })
    return {
      drain: { deadline: LIMIT },
      pressure: false,
      // Cells test neither of them, and both keep timers.
      inspector: false,
      retry: { replayLimit: REPLAY_LIMIT },
      pool: { connectRetry: 0, pendingTimeout: LONG },
      clientBodyTimeout: LONG,
      undiciOptions: {
        connections: step === 'queue' ? 1 : 4,
        headersTimeout: LONG,
        bodyTimeout: LONG,
        connect: (options, callback) => {
          if (this.holdsDials) this.gates.dial.pass().then(() => connector(options, callback), (error: Error) => callback(error, null))
          else connector(options, callback)
        }
      }
    }
  }

  #routeOptions ({ body, step }: Cell): Partial<ProxyOptions> {
    return {
      proxyPayloads: body !== 'parsed',
      ...step !== 'onResponse'
        ? {}
        : {
            replyOptions: {
              // The gateway awaits it like an async hook, though its type returns nothing.
              onResponse: async (request: FastifyRequest, reply: FastifyReply, response: { stream: unknown }) => {
                if (isCell(request)) await this.gates.onResponse.pass()
                reply.send(response.stream)
              }
            } as unknown as NonNullable<ProxyOptions['replyOptions']>
          }
    }
  }
}

export function isCell ({ raw }: FastifyRequest): boolean {
  return raw.url?.startsWith('/cell') === true
}

/** Merges options one level deep. */
function merged (base: GatewayOptions, over: GatewayOptions): GatewayOptions {
  const { undiciOptions, pool, retry, ...rest } = over
  return { ...base, ...rest, undiciOptions: { ...base.undiciOptions, ...undiciOptions }, pool: { ...base.pool, ...pool }, retry: { ...base.retry, ...retry } }
}
