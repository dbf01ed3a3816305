import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { type BackendRequest, readRequest } from './backend-request.js'
import { reset } from './reset.js'
import { type Reading, WireInput } from './wire-input.js'
import { DelayLine, machineTime } from './delay-relay-line.js'

// A path with latency between a gateway and a backend. The gateway's side is a real TCP peer. Bytes, FIN and RST arrive later at the
// backend's end. Until a close arrives, the gateway cannot know of it: what it writes then meets a closed connection, and gets an RST as
// from a TCP stack.

/** The backend's end of one connection. Times are those of the events, by `machineTime`, not of the calls. */
export interface BackendEnd {
  /** Does what it would have done by itself by a time. */
  until (at: number): void
  bytes (chunk: Buffer, at: number): void
  /** The bytes given last have completed this request. */
  request (request: Pick<BackendRequest, 'header'>, at: number): void
  /** The gateway has ended or reset the connection. */
  ended (how: 'fin' | 'rst', at: number): void
}

/** What a backend can do with its end. */
export interface Path {
  send (bytes: Buffer, at: number): void
  /** Closes: what arrives after it meets a closed connection. */
  end (at: number): void
  /** Delivers what is due before a time. */
  flush (before: number): void
}

/** A request that arrived at the backend's end. */
export interface Arrival {
  id: string
  method: string
  at: number
  /** Number of the connection at the relay, from 1. */
  connection: number
  /** Its number on its connection, from 1. */
  nth: number
  /** How long the connection had been idle at the backend's end, in ms. */
  idleMs: number
  /** The backend had closed the connection before, and did not read it. */
  stale: boolean
}

/** The close of a connection, at the backend's end. */
export interface Ending {
  at: number
  connection: number
  by: 'backend' | 'gateway'
  /** Requests that the connection had carried. */
  served: number
  /** How long it had been idle, in ms; undefined if a request was under way or had asked for the close. */
  idleMs: number | undefined
}

type Event = Buffer | 'fin' | 'rst'

/** @param openedAt when the connection arrived at the backend's end */
export type MakeEnd = (path: Path, openedAt: number) => BackendEnd

/** A listener in front of a backend, and what it saw. */
export class DelayRelay {
  readonly arrivals: Arrival[] = []
  readonly endings: Ending[] = []
  /** Connections so far. */
  accepted = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  /** @param delay one way, in ms */
  constructor (delay: number, makeEnd: MakeEnd) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      join(socket, delay, makeEnd, this, ++this.accepted)
    })
  }

  get port (): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url (): string {
    return `http://127.0.0.1:${this.port}`
  }

  async listen (): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', resolve)
    })
  }

  async close (): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

/** The backend's closes of connections that had served a request and were idle. */
export function idleCloses ({ endings }: Pick<DelayRelay, 'endings'>): Ending[] {
  return endings.filter(({ by, idleMs, served }) => by === 'backend' && idleMs !== undefined && served > 0)
}

/** The requests that met a closed connection. */
export function staleHits ({ arrivals }: Pick<DelayRelay, 'arrivals'>): Arrival[] {
  return arrivals.filter(({ stale }) => stale)
}

/** Joins a gateway's socket to a backend's end by two delay lines. */
function join (socket: Socket, delay: number, makeEnd: MakeEnd, relay: DelayRelay, connection: number): void {
  const input = new WireInput()
  let reading: Reading<BackendRequest> | undefined
  let served = 0
  let closedAt = Infinity
  let left = false
  const openedAt = machineTime() + delay
  let lastSentAt = openedAt
  // A request is under way from its first byte until something is sent.
  let busy = false
  let askedToClose = false

  const toGateway = new DelayLine<Event>(delay, (event) => {
    if (event === 'rst') reset(socket)
    else if (event === 'fin') socket.end()
    else socket.write(event)
  })
  const toBackend = new DelayLine<Event>(delay, (event, at) => {
    end.until(at)
    if (event === 'fin' || event === 'rst') leave(event, at)
    else if (at >= closedAt) refuse(event, at)
    else arrive(event, at)
  })
  const end = makeEnd({
    send (bytes, at) {
      busy = false
      lastSentAt = at
      toGateway.push(bytes, at)
    },
    end (at) {
      if (closedAt !== Infinity) return
      closedAt = at
      if (!left) relay.endings.push({ at, connection, by: 'backend', served, idleMs: busy || askedToClose ? undefined : at - lastSentAt })
      toGateway.push('fin', at)
    },
    flush: (before) => toBackend.flush(before)
  }, openedAt)

  socket.on('data', (chunk) => toBackend.push(chunk, machineTime()))
  socket.once('end', () => toBackend.push('fin', machineTime()))
  socket.on('error', () => {})
  socket.once('close', () => {
    toGateway.stop()
    // After a FIN this is nothing new.
    toBackend.push('rst', machineTime())
  })

  function arrive (chunk: Buffer, at: number): void {
    const idleMs = at - lastSentAt
    busy = true
    end.bytes(chunk, at)
    input.push(chunk)
    reading ??= readRequest(input, served + 1, () => {})
    const step = reading.next()
    if (step.done !== true) return
    reading = undefined
    const { value: request } = step
    served = request.nth
    askedToClose = request.header('connection') === 'close'
    relay.arrivals.push({ id: request.header('x-id') ?? '', method: request.method, at, connection, nth: served, idleMs, stale: false })
    end.request(request, at)
  }

  function refuse (chunk: Buffer, at: number): void {
    const [, method = ''] = /^(\w+) /.exec(chunk.toString('latin1')) ?? []
    const [, id = ''] = /\r\nX-Id: *(\S+)/i.exec(chunk.toString('latin1')) ?? []
    // The rest of a request that came in pieces, or an answer to our RST, is no new request.
    if (method === '') return
    relay.arrivals.push({ id, method, at, connection, nth: served + 1, idleMs: at - lastSentAt, stale: true })
    toGateway.push('rst', at)
  }

  function leave (how: 'fin' | 'rst', at: number): void {
    if (left) return
    left = true
    if (at < closedAt) relay.endings.push({ at, connection, by: 'gateway', served, idleMs: busy ? undefined : at - lastSentAt })
    end.ended(how, at)
  }
}

/** Starts a relay on a free port of 127.0.0.1. The caller closes it. */
export async function startDelayRelay (delay: number, makeEnd: MakeEnd): Promise<DelayRelay> {
  const relay = new DelayRelay(delay, makeEnd)
  await relay.listen()
  return relay
}
