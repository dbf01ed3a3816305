import type { Socket } from 'node:net'
import { ignoreError } from '../errors.js'
import { FrameTracker, GOING_AWAY } from '../http/websocket.js'

/** How long a client may take to close after the gateway's end, in ms. */
export const LINGER = 250

/** Joins two sockets: passes bytes both ways, reads neither side faster than the other takes it, and passes each side's end on. */
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
      // A user's `connect` may have made a Duplex that has neither.
      socket.setTimeout?.(0)
      socket.setNoDelay?.(true)
      // Otherwise Node ends the other direction by itself.
      socket.allowHalfOpen = true
    }
    this.#pass(client, backend)
    this.#pass(backend, client)
    client.on('data', this.#onClientData).resume()
    // Many clients listen for messages only once they have seen the 101, and lose a message that comes in the same read. Two turns let the
    // 101 go first.
    setImmediate(() => setImmediate(() => {
      if (!this.#ending) backend.on('data', this.#onBackendData).resume()
    }))
    backend.ref?.()
    // One of them may have closed while the 101 was written.
    if (client.destroyed || backend.destroyed) this.#cut()
  }

  /** Ends both sides. The client gets a close frame (1001) between two frames, and is cut off in the middle of one. */
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
    // Reads and drops what the client still sends: closing a socket with unread bytes resets it, and the client may lose the frame.
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
      // This side is done in both directions, and the other still has bytes to send.
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
