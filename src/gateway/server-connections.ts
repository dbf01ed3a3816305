import type { Server } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'

/**
 * The connections of clients to all servers of an app. Node does not keep count of all of them: an HTTP/2 server has no list of its
 * sessions and no `closeAllConnections`, and an HTTP/1 server does not count a TLS handshake that hangs.
 */
export class ServerConnections {
  readonly #servers = new Set<Server>()
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  // One function for all sockets saves memory: there are many idle clients.
  readonly #onSocketClose: (this: Socket) => void
  #ending = false

  constructor () {
    const sockets = this.#sockets
    this.#onSocketClose = function () { sockets.delete(this) }
  }

  /** How many connections clients have open. */
  get size (): number { return this.#sockets.size }

  /** How many of them are HTTP/2 sessions. */
  get sessions (): number { return this.#sessions.size }

  /** Counts the connections that a server accepts from now on. */
  follow (server: Server): void {
    if (this.#servers.has(server)) return
    this.#servers.add(server)
    // Over TLS this is the socket beneath. It closes with the connection.
    server.on('connection', this.#onConnection)
    // Only HTTP/2 servers emit it.
    server.on('session', this.#onSession)
  }

  /** Sends GOAWAY, so that HTTP/2 clients open no more streams. A session ends with its last stream. RFC 9113 section 6.8. */
  endSessions (): void {
    this.#ending = true
    for (const session of this.#sessions) session.close()
  }

  /** Ends the HTTP/1 connections without a request in flight. */
  endIdle (): void {
    // An HTTP/2 server has this method only where it serves HTTP/1 too.
    for (const server of this.#servers) server.closeIdleConnections?.()
  }

  /** Ends the connections on which clients have sent nothing yet, as browsers open them ahead. Node takes them for connections in use. */
  endUnused (): void {
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy()
  }

  /** Cuts HTTP/1 connections and HTTP/2 sessions such that no client takes half a response for a whole one. Tunnels stay. */
  cut (): void {
    for (const server of this.#servers) server.closeAllConnections?.()
    for (const session of this.#sessions) session.destroy(new Error('the server ends'))
  }

  /** Destroys all sockets that are left. */
  destroy (): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Closes all servers except the main one, which Fastify closes. Resolves when they have no clients left. */
  async closeAllBut (main: Server): Promise<void> {
    const others = [...this.#servers].filter(server => server !== main && server.listening)
    await Promise.all(others.map(async server => await new Promise<void>(resolve => server.close(() => resolve()))))
  }

  #onConnection = (socket: Socket): void => {
    // A socket comes twice where its upgrade is read again as an ordinary request.
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
