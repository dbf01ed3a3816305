import type { TLSSocket } from 'node:tls'

// A resumed session shows no certificate. Without this bound a backend that gives a new session with each resumption would never be asked
// for its certificate again, whether that has ended, was renewed or was revoked. In ms.
const LONGEST_WITHOUT_CERTIFICATE = 3_600_000

/**
 * The last TLS session of a target. The next connection resumes it, until an hour after the handshake that showed the backend's
 * certificate. The server's name is not checked again when a session is resumed, so this relies on Node: it emits 'session' only for a
 * server that has passed its checks.
 */
export class TlsSessions {
  readonly #clock: () => number
  #last: Buffer | undefined
  #shownAt = -Infinity

  constructor (clock: () => number) {
    this.#clock = clock
  }

  get last (): Buffer | undefined {
    return this.#clock() - this.#shownAt < LONGEST_WITHOUT_CERTIFICATE ? this.#last : undefined
  }

  /** Keeps each session that a socket receives, for as long as the socket lives. Call it before the handshake. */
  keepOf (socket: TLSSocket): void {
    // All sockets share one listener.
    socket.on('session', this.#keep)
  }

  /** Call this after a handshake. @param resumed whether it resumed a session, and so showed no certificate */
  shaken (resumed: boolean): void {
    if (!resumed) this.#shownAt = this.#clock()
  }

  /** Drops the session after a failed handshake, since the session may be the cause. */
  forget (): void {
    this.#last = undefined
  }

  #keep = (session: Buffer): void => {
    this.#last = session
  }
}
