import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { HoldfastError } from '../errors.js'
import { isParserError, isUnknownVersion } from '../quirks/node-http-server.js'
import { currentResponse } from '../quirks/node-http-socket.js'
import { answerOnSocket } from './socket-answer.js'

type ClientErrorListener = (error: Error & { code?: string, reason?: string }, socket: Socket) => void

const inTurn = new WeakSet<Server>()
const failed = new WeakSet<Socket>()

/**
 * Has the answer to an error of the parser wait for the answers to the requests ahead: the client would take it for one of those. The
 * listeners that are there already still answer, except for a version of HTTP that is not served, which gets a 505.
 */
export function answerParserErrors (server: Server): void {
  if (inTurn.has(server)) return
  inTurn.add(server)
  const listeners = server.rawListeners('clientError') as ClientErrorListener[]
  server.removeAllListeners('clientError')
  server.on('clientError', ((error, socket) => {
    if (!isParserError(error)) return answerByListeners()
    // The parser fails again at the bytes that follow.
    if (failed.has(socket)) return
    failed.add(socket)
    inItsTurn(socket, () => {
      const response = currentResponse(socket)
      if (response?.headersSent === true) {
        // The client would take an answer in the middle of a response for a part of that response's body.
        if (response.writableEnded) socket.destroySoon()
        else socket.destroy()
      } else if (isUnknownVersion(error)) {
        answerOnSocket(socket, new HoldfastError('HOLDFAST_ERR_HTTP_VERSION'))
      } else {
        answerByListeners()
      }
    })
    function answerByListeners (): void {
      for (const listener of listeners) listener.call(server, error, socket)
    }
  }) as ClientErrorListener)
}

// The broken request is the last one of its socket, and the only one that is not complete.
function inItsTurn (socket: Socket, then: () => void): void {
  const ahead = currentResponse(socket)
  if (ahead?.req.complete !== true) then()
  else ahead.once('close', () => inItsTurn(socket, then))
}
