import type { TLSSocket } from 'node:tls'

/**
 * The last TLS session of a target. The next connection resumes it. The server's name is not checked again when a session is resumed, so
 * this relies on Node: it emits 'session' only for a server that has passed its checks.
 */
export class TlsSessions {
  #last: Buffer | undefined

  get last (): Buffer | undefined { return this.#last }

  /** Keeps each session that a socket receives, for as long as the socket lives. Call it before the handshake. */
  keepOf (socket: TLSSocket): void {
    // All sockets share one listener.
    socket.on('session', this.#keep)
  }

  /** Drops the session after a failed handshake, since the session may be the cause. */
  forget (): void {
    this.#last = undefined
  }

  #keep = (session: Buffer): void => {
    this.#last = session
  }
}
