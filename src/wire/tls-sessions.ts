import type { TLSSocket } from 'node:tls'

/**
 * The last TLS session of a target, which its next connection resumes. The name of a server is not checked again when a session is resumed; so
 * it matters that Node emits 'session' only for a server that has passed its checks.
 */
export class TlsSessions {
  #last: Buffer | undefined

  get last (): Buffer | undefined { return this.#last }

  /** Keeps the sessions that a socket is given, as long as it lives. It is called before the handshake. */
  keepOf (socket: TLSSocket): void {
    // One listener for all sockets.
    socket.on('session', this.#keep)
  }

  /** For a handshake that failed: the session may be why. */
  forget (): void {
    this.#last = undefined
  }

  #keep = (session: Buffer): void => {
    this.#last = session
  }
}
