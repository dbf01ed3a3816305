import type { Socket } from 'node:net'
import { ignoreError } from '../errors.js'
import { FrameTracker, GOING_AWAY } from '../http/websocket.js'

/** How long a client that has been told to go may take to leave, in ms. */
export const LINGER = 250

/** Two sockets as one: bytes both ways, neither side read faster than the other takes it, the end of each passed on. */
export class Tunnel {
  readonly #client: Socket
  readonly #backend: Socket
  readonly #frames = new FrameTracker()
  readonly #idle: NodeJS.Timeout | undefined
  #ending = false

  /** @param idleTimeout how long both sides may be silent, in ms; 0 = no limit */
  constructor (client: Socket, backend: Socket, idleTimeout: number) {
    this.#client = client
    this.#backend = backend
    if (idleTimeout > 0) this.#idle = setTimeout(() => this.end(), idleTimeout).unref()
    for (const socket of [client, backend]) {
      // A duplex that a user has made to reach the backend may have none of these.
      socket.setTimeout?.(0)
      socket.setNoDelay?.(true)
      // Node ends the other direction of its own accord otherwise.
      socket.allowHalfOpen = true
    }
    this.#pass(client, backend)
    this.#pass(backend, client)
    client.on('data', this.#onClientData).resume()
    // A client that learns of its 101 and of a first message in one read may lose the message: many listen only once they
    // know that the connection stands. The turns let the 101 go ahead.
    setImmediate(() => setImmediate(() => {
      if (!this.#ending) backend.on('data', this.#onBackendData).resume()
    }))
    backend.ref?.()
    // One of them may have gone while the 101 was on its way.
    if (client.destroyed || backend.destroyed) this.#cut()
  }

  /** Ends both sides: a WebSocket is told 1001 where a frame may stand, and cut where none may. */
  end (): void {
    if (this.#ending) return
    this.#ending = true
    clearTimeout(this.#idle)
    const client = this.#client.off('data', this.#onClientData)
    this.#backend.off('data', this.#onBackendData).destroy()
    if (!this.#frames.between || client.writableEnded) {
      client.destroy()
      return
    }
    client.end(GOING_AWAY)
    // What it sends meanwhile is read and dropped: closing over unread bytes is a reset, which may take the frame along.
    client.resume()
    const late = setTimeout(() => client.destroy(), LINGER)
    client.once('close', () => clearTimeout(late))
  }

  #onBackendData = (chunk: Buffer): void => {
    this.#frames.push(chunk)
    this.#write(this.#backend, this.#client, chunk)
  }

  #onClientData = (chunk: Buffer): void => {
    this.#write(this.#client, this.#backend, chunk)
  }

  #write (from: Socket, to: Socket, chunk: Buffer): void {
    this.#idle?.refresh()
    if (!to.write(chunk)) from.pause()
  }

  #pass (from: Socket, to: Socket): void {
    from.on('end', () => { if (!this.#ending) to.end() })
    to.on('drain', () => {
      this.#idle?.refresh()
      from.resume()
    })
    // 'close' follows.
    from.on('error', ignoreError)
    from.on('close', () => {
      // One that has sent and taken all it had leaves the other to finish what it still holds.
      if (from.readableEnded && from.writableFinished && to.writableEnded && !to.destroyed) return
      this.#cut()
    })
  }

  #cut (): void {
    clearTimeout(this.#idle)
    this.#backend.destroy()
    if (!this.#ending) this.#client.destroy()
  }
}
