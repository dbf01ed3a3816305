import type { Server } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'

/**
 * What the clients of an app hold open, on whichever of its servers. Node keeps no such account of its own for all of it: a server of HTTP/2 knows
 * neither its sessions nor `closeAllConnections`, and one of HTTP/1 does not count a TLS handshake that hangs.
 */
export class ServerConnections {
  readonly #servers = new Set<Server>()
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  // One function for all sockets: idle clients are many.
  readonly #onSocketClose: (this: Socket) => void
  #ending = false

  constructor () {
    const sockets = this.#sockets
    this.#onSocketClose = function () { sockets.delete(this) }
  }

  /** Connections of clients. */
  get size (): number { return this.#sockets.size }

  /** Those of HTTP/2. */
  get sessions (): number { return this.#sessions.size }

  /** Counts what a server accepts from now on. */
  follow (server: Server): void {
    if (this.#servers.has(server)) return
    this.#servers.add(server)
    // Over TLS it is the socket beneath, and its end is the connection's.
    server.on('connection', this.#onConnection)
    // Where there is no HTTP/2 nothing emits it.
    server.on('session', this.#onSession)
  }

  /** Has HTTP/2 clients open no more streams, by a GOAWAY; a session ends with its last stream. RFC 9113 section 6.8. */
  endSessions (): void {
    this.#ending = true
    for (const session of this.#sessions) session.close()
  }

  /** Ends connections of HTTP/1 on which nothing is asked or answered. */
  endIdle (): void {
    // A server of HTTP/2 has it where it takes HTTP/1 too.
    for (const server of this.#servers) server.closeIdleConnections?.()
  }

  /** Cuts HTTP/1 connections and HTTP/2 sessions, so that no client takes what it has got for whole. What has been upgraded stays. */
  cut (): void {
    for (const server of this.#servers) server.closeAllConnections?.()
    for (const session of this.#sessions) session.destroy(new Error('the server ends'))
  }

  /** Destroys what is left, whatever it is. */
  destroy (): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Stops all servers but one, which their app stops itself, and resolves once no client of theirs is left. */
  async closeAllBut (main: Server): Promise<void> {
    const others = [...this.#servers].filter(server => server !== main && server.listening)
    await Promise.all(others.map(async server => await new Promise<void>(resolve => server.close(() => resolve()))))
  }

  #onConnection = (socket: Socket): void => {
    // What is given to node a second time, without its Upgrade, is known already.
    if (this.#sockets.has(socket)) return
    this.#sockets.add(socket)
    socket.once('close', this.#onSocketClose)
  }

  #onSession = (session: ServerHttp2Session): void => {
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
    if (this.#ending) session.close()
  }
}
