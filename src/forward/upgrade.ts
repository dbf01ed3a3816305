import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ignoreError } from '../errors.js'
import type { HeaderRecord } from '../http/headers.js'
import { letGoOf, passDrains, responseOn } from '../quirks/node-http-upgrade.js'
import { LINGER, Tunnel } from './tunnel.js'

/** Upgrades under way and tunnels. Node's server does not know their sockets, and does not end them with its other connections. */
export type Upgrades = Set<{ end (): void }>

// Bytes that a client may send before its 101. Then its socket is paused.
const EARLY_LIMIT = 65_536

const pending = new WeakMap<IncomingMessage, Upgrade>()

/** The upgrade that a request asks for; undefined for an ordinary request. */
export function upgradeOf (request: IncomingMessage): Upgrade | undefined {
  return pending.get(request)
}

/**
 * A client's socket that Node has let go of, from the upgrade request on. The answer is written to it as a response. After a 101 the socket
 * is one end of a tunnel. After any other answer it closes.
 */
export class Upgrade {
  readonly response: ServerResponse
  readonly #socket: Socket
  readonly #stopDrains: () => void
  readonly #early: Buffer[] = []
  #earlySize = 0
  #tunnel: Tunnel | undefined

  constructor (request: IncomingMessage, socket: Socket, head: Buffer, all: Upgrades) {
    this.#socket = socket
    const response = this.response = responseOn(request, socket)
    response.on('finish', this.#linger)
    pending.set(request, this)
    all.add(this)
    socket.setTimeout(0)
    socket.on('error', ignoreError).on('close', () => all.delete(this))
    // The socket is read to notice that the client has left.
    this.#stopDrains = passDrains(socket, response)
    socket.on('end', this.#onEnd).on('data', this.#onEarly)
    if (head.length > 0) this.#onEarly(head)
    socket.resume()
  }

  /** Relays the backend's 101 and joins the two sockets. Throws for headers that cannot be sent, with nothing written. */
  open (headers: HeaderRecord, backend: Socket, idleTimeout: number): void {
    const { response } = this
    const socket = this.#socket
    // The 101 has the backend's Date, or none.
    response.sendDate = false
    response.writeHead(101, headers)
    response.off('finish', this.#linger).end()
    letGoOf(response, socket)
    this.#stopDrains()
    socket.off('end', this.#onEnd).off('data', this.#onEarly)
    if (this.#early.length > 0) socket.unshift(Buffer.concat(this.#early))
    this.#tunnel = new Tunnel(socket, backend, idleTimeout)
  }

  /** Ends the upgrade at once: a tunnel by a close frame where that is possible, a socket that still waits by destroying it. */
  end (): void {
    if (this.#tunnel === undefined) this.#socket.destroy()
    else this.#tunnel.end()
  }

  #onEarly = (chunk: Buffer): void => {
    this.#early.push(chunk)
    this.#earlySize += chunk.length
    if (this.#earlySize >= EARLY_LIMIT) this.#socket.pause()
  }

  // A client that ends its side before the answer does not want a WebSocket any more.
  #onEnd = (): void => {
    this.#socket.destroy()
  }

  // What the client has sent in expectation of a 101 is dropped, and never read as a request. It is read all the same: closing a socket
  // with unread bytes resets it, and the client may lose the answer.
  #linger = (): void => {
    const socket = this.#socket
    socket.off('data', this.#onEarly)
    socket.end()
    socket.resume()
    const late = setTimeout(() => socket.destroy(), LINGER)
    socket.once('close', () => clearTimeout(late))
  }
}
