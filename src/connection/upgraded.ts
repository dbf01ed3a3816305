import type { Duplex } from 'node:stream'
import { ignoreError } from '../errors.js'

/** Sockets that became tunnels. Their pool counts them, and destroys them when it is destroyed. */
export class Upgraded {
  readonly #sockets = new Set<Duplex>()

  get size (): number { return this.#sockets.size }

  /** @param closed called when the socket has closed, for any cause */
  add (socket: Duplex, closed: () => void): void {
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      closed()
    })
    // Without a listener, a reset would end the process.
    socket.on('error', ignoreError)
  }

  destroy (): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
