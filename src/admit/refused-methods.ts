import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { HoldfastError, ignoreError } from '../errors.js'
import { currentResponse } from '../quirks/node-http-socket.js'
import { answerOnSocket } from './socket-answer.js'

/** The methods that are served, for the `Allow` header of a 405. */
export const ALLOW = 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE'

/**
 * Has a server answer 405 to CONNECT, over HTTP/1 and HTTP/2, unless the app has a listener for it. Node would cut an HTTP/1 connection.
 */
export function refuseConnects (server: Server): void {
  if (server.listenerCount('connect') === 0) server.on('connect', refuseConnect)
}

function refuseConnect (_message: IncomingMessage, socket: Socket | ServerResponse): void {
  if ('writeHead' in socket) {
    socket.writeHead(405, { allow: ALLOW })
    socket.end()
    return
  }
  // Node has let go of the socket: it listens for no errors any more, and could not finish a response that is ahead of this one.
  socket.on('error', ignoreError)
  if (currentResponse(socket) === undefined) answerOnSocket(socket, new HoldfastError('HOLDFAST_ERR_METHOD'), `Allow: ${ALLOW}\r\n`)
  else socket.destroy()
}
