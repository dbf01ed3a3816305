import type { Duplex } from 'node:stream'
import { ignoreError } from '../errors.js'

/** Sockets that became tunnels: their pool counts them, and ends them with itself. */
export class Upgraded {
  readonly #sockets = new Set<Duplex>()

  get size (): number { return this.#sockets.size }

  /** @param closed is called when it has ended, in whatever way */
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
