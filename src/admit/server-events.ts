import { STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { HoldfastError, ignoreError } from '../errors.js'
import { hasBody } from '../http/message-body.js'
import { currentResponse } from './pipelining.js'
import { watchHeaders } from '../forward/set-again.js'

/** What is served, for the answers that say that something is not. */
export const ALLOW = 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE'

/**
 * Takes over what a server does by itself, before any hook could run: answers to `Expect` and to CONNECT. What the app listens to
 * already stays the app's.
 */
export function listenTo (server: Server): void {
  listenToRequests(server)
  answerBrokenInTurn(server)
}

/** The same for the servers that Fastify opens besides its first, for the other addresses of `localhost`. */
export function listenToOthers (app: object, server: Server): void {
  for (const other of otherServersOf(app)) {
    listenToRequests(other)
    if (other.listenerCount('clientError') === 0) other.on('clientError', (error, socket) => { server.emit('clientError', error, socket) })
  }
}

function listenToRequests (server: Server): void {
  if (!watching.has(server)) {
    watching.add(server)
    // Before the app's own listener: a hook that runs before any of ours may set them.
    server.prependListener('request', watchHeaders)
  }
  if (server.listenerCount('checkContinue') === 0) {
    server.on('checkContinue', (message, response) => {
      // Node takes a list of which it is one for it; the rules do not.
      if (message.headers.expect!.toLowerCase() === '100-continue') {
        if (hasBody(message)) continueWhenRead(message, response)
        // Node closes the connection of whoever was told nothing.
        else response.writeContinue()
      }
      server.emit('request', message, response)
    })
  }
  // Node answers 417 and keeps the connection; the rules refuse it as they refuse the rest.
  if (server.listenerCount('checkExpectation') === 0) {
    server.on('checkExpectation', (message, response) => { server.emit('request', message, response) })
  }
  if (server.listenerCount('connect') === 0) server.on('connect', refuseConnect)
}

/**
 * The servers that Fastify has opened besides its first. It tells their addresses, and keeps the servers to itself. Should it not do so under this name
 * any more, node's own answers stand there: a 100 too early, a 417, a CONNECT that is cut; and no drain waits for their clients.
 */
export function otherServersOf (app: object): Server[] {
  for (let at: object | null = app; at !== null; at = Reflect.getPrototypeOf(at)) {
    const key = Object.getOwnPropertySymbols(at).find(({ description }) => description === 'fastify.serverBindings')
    if (key !== undefined) return Reflect.get(at, key) as Server[]
  }
  return []
}

/**
 * Sends the 100 when somebody begins to read the body, be it step 4 or a parser of the app's, and so after whatever has refused
 * the request by its head: a 401, or a 413. RFC 9110 section 10.1.1.
 */
function continueWhenRead (message: IncomingMessage, response: ServerResponse): void {
  const read = message._read
  message._read = size => {
    message._read = read
    // After an answer node reads what is left of the body, to be rid of it.
    if (!response.headersSent) response.writeContinue()
    read.call(message, size)
  }
}

function refuseConnect (_message: IncomingMessage, socket: Socket | ServerResponse): void {
  if ('writeHead' in socket) {
    socket.writeHead(405, { allow: ALLOW })
    socket.end()
    return
  }
  // Node has let go of the socket: nobody hears its errors, and a response ahead of this could not be finished.
  socket.on('error', ignoreError)
  if (currentResponse(socket) === undefined) answer(socket, new HoldfastError('HOLDFAST_ERR_METHOD'), `Allow: ${ALLOW}\r\n`)
  else socket.destroy()
}

type ClientErrorListener = (error: Error & { code?: string, reason?: string }, socket: Socket) => void

/**
 * Has what answers to the parser's errors wait for the answers to the requests ahead: it would be taken for one of theirs. Whoever
 * listened before still answers, but for an HTTP version of the future, which is a 505.
 */
function answerBrokenInTurn (server: Server): void {
  if (inTurn.has(server)) return
  inTurn.add(server)
  const listeners = server.rawListeners('clientError') as ClientErrorListener[]
  server.removeAllListeners('clientError')
  server.on('clientError', ((error, socket) => {
    const broken = error.code?.startsWith('HPE_') === true
    if (!broken) return tell()
    // The parser fails again with whatever else comes.
    if (failed.has(socket)) return
    failed.add(socket)
    inItsTurn(socket, () => {
      const response = currentResponse(socket)
      if (response?.headersSent === true) {
        // In the middle of a response an answer would be taken for its body.
        if (response.writableEnded) socket.destroySoon()
        else socket.destroy()
      } else if (error.reason === 'Invalid HTTP version') {
        answer(socket, new HoldfastError('HOLDFAST_ERR_HTTP_VERSION'))
      } else {
        tell()
      }
    })
    function tell (): void {
      for (const listener of listeners) listener.call(server, error, socket)
    }
  }) as ClientErrorListener)
}

const inTurn = new WeakSet<Server>()
const watching = new WeakSet<Server>()
const failed = new WeakSet<Socket>()

// The request that broke off is the last one, and the only one that is not complete.
function inItsTurn (socket: Socket, then: () => void): void {
  const ahead = currentResponse(socket)
  if (ahead?.req.complete !== true) then()
  else ahead.once('close', () => inItsTurn(socket, then))
}

// In the form of Fastify's own answers to errors.
function answer (socket: Socket, { statusCode, code, message }: HoldfastError, headers = ''): void {
  if (!socket.writable) return
  const reason = STATUS_CODES[statusCode]!
  const body = JSON.stringify({ statusCode, code, error: reason, message })
  socket.end(`HTTP/1.1 ${statusCode} ${reason}\r\n${headers}Connection: close\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  socket.destroySoon()
}
