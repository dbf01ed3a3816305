import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { HoldfastError } from '../errors.js'
import { otherServersOf } from '../quirks/fastify-servers.js'
import { isParserError, isUnknownVersion } from '../quirks/node-http-server.js'
import { requestBeingRead } from '../quirks/node-http-socket.js'

/** Why Node, or the gateway before any route, has refused a request, and the status that is answered unless the connection was cut. */
export interface Refusal { readonly code: string, readonly reason: string, readonly status: number }

/** What is told of refused requests. */
export interface RefusedRequests {
  /** A request that has become one of Fastify's is refused in the middle of its body. */
  inBody (message: IncomingMessage, refusal: Refusal): void
  /** A request is refused by its head. `message` is undefined where Node could not read it. */
  byHead (socket: Socket, refusal: Refusal, message?: IncomingMessage): void
}

type ClientError = Error & { readonly code?: string, readonly reason?: string, rawPacket?: unknown }

const TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT'

/**
 * Tells of each request that is not valid HTTP, or too slow, and of each CONNECT. To be called before any plugin is registered.
 */
export function watchRefusedRequests (app: FastifyInstance, tell: RefusedRequests): void {
  const server = app.server as Server
  // Fastify logs this error at `trace`. The packet holds whole requests, with their secrets.
  server.prependListener('clientError', (error: ClientError) => { delete error.rawPacket })
  // The parser fails again at the bytes that follow.
  const failed = new WeakSet<Socket>()
  app.addHook('onReady', done => {
    // Before the gateway's own listener, which answers, and closes the socket. Then the address of the client is not known any more.
    server.prependListener('clientError', (error: ClientError, duplex) => {
      const socket = duplex as Socket
      const refusal = refusalOf(error)
      if (refusal === undefined || failed.has(socket)) return
      failed.add(socket)
      const message = requestBeingRead(socket)
      if (message === undefined) tell.byHead(socket, refusal)
      // The client has ended an upload before its end: it has left.
      else if (refusal.code !== 'HPE_INVALID_EOF_STATE') tell.inBody(message, refusal)
    })
    watchConnects(server, tell)
    done()
  })
  app.addHook('onListen', done => {
    for (const other of otherServersOf(app)) watchConnects(other, tell)
    done()
  })
}

function watchConnects (server: Server, tell: RefusedRequests): void {
  const { code, message: reason, statusCode: status } = new HoldfastError('HOLDFAST_ERR_METHOD')
  server.prependListener('connect', (message, socket) => { tell.byHead(socket as Socket, { code, reason, status }, message) })
}

// Other errors are those of the socket: its client has left.
function refusalOf (error: ClientError): Refusal | undefined {
  const { code = '', message, reason = message } = error
  if (code === TIMEOUT) return { code, reason, status: 408 }
  if (!isParserError(error)) return undefined
  return { code, reason, status: code === 'HPE_HEADER_OVERFLOW' ? 431 : isUnknownVersion(error) ? 505 : 400 }
}
