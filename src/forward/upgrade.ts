import { ServerResponse } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { ignoreError } from '../errors.js'
import type { HeaderRecord } from '../http/headers.js'
import { LINGER, Tunnel } from './tunnel.js'

/** What node does not end with its server's other connections. */
export type Upgrades = Set<{ end (): void }>

// What a client may send before its 101; nothing more is read of one that sends more.
const EARLY_LIMIT = 65_536

const pending = new WeakMap<IncomingMessage, Upgrade>()

/** The upgrade that a request asks for; undefined for an ordinary request. */
export function upgradeOf (request: IncomingMessage): Upgrade | undefined {
  return pending.get(request)
}

/**
 * A client's socket that node has let go of, from the upgrade request on: until its answer a response is written to it, after
 * a 101 it is one end of a tunnel. After any other answer it closes.
 */
export class Upgrade {
  readonly response: ServerResponse
  readonly #socket: Socket
  readonly #early: Buffer[] = []
  #earlySize = 0
  #tunnel: Tunnel | undefined

  constructor (request: IncomingMessage, socket: Socket, head: Buffer, all: Upgrades) {
    this.#socket = socket
    const response = this.response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.on('finish', this.#linger)
    pending.set(request, this)
    all.add(this)
    socket.setTimeout(0)
    socket.on('error', ignoreError).on('close', () => all.delete(this))
    // Read, for else nobody would notice that the client has left.
    socket.on('drain', this.#onDrain).on('end', this.#onEnd).on('data', this.#onEarly)
    if (head.length > 0) this.#onEarly(head)
    socket.resume()
  }

  /** Relays the backend's 101 and joins the two sockets. Throws, with nothing written, for headers that cannot be. */
  open (headers: HeaderRecord, backend: Socket, idleTimeout: number): void {
    const { response } = this
    const socket = this.#socket
    // The backend's date, or none.
    response.sendDate = false
    response.writeHead(101, headers)
    response.off('finish', this.#linger).end()
    response.detachSocket(socket)
    socket.off('drain', this.#onDrain).off('end', this.#onEnd).off('data', this.#onEarly)
    if (this.#early.length > 0) socket.unshift(Buffer.concat(this.#early))
    this.#tunnel = new Tunnel(socket, backend, idleTimeout)
  }

  /** Ends it at once, in as good an order as it allows. */
  end (): void {
    if (this.#tunnel === undefined) this.#socket.destroy()
    else this.#tunnel.end()
  }

  #onEarly = (chunk: Buffer): void => {
    this.#early.push(chunk)
    this.#earlySize += chunk.length
    if (this.#earlySize >= EARLY_LIMIT) this.#socket.pause()
  }

  // Node's server passes it on for the sockets that it has.
  #onDrain = (): void => {
    this.response.emit('drain')
  }

  // A client that sends no more before it has its answer does not wait for a WebSocket.
  #onEnd = (): void => {
    this.#socket.destroy()
  }

  // What the client has sent in hope of a 101 is dropped, and never the next request. It is read, since closing over unread
  // bytes is a reset, which may take the answer along.
  #linger = (): void => {
    const socket = this.#socket
    socket.off('data', this.#onEarly)
    socket.end()
    socket.resume()
    const late = setTimeout(() => socket.destroy(), LINGER)
    socket.once('close', () => clearTimeout(late))
  }
}
