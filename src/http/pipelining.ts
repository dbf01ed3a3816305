import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Waiting { readonly response: ServerResponse, readonly start: () => void }
/** The response that has the socket; those behind it have none yet. */
type ServedSocket = Socket & { _httpMessage?: ServerResponse | null }

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
// Only for sockets on which something waits; a socket that is used as most are costs nothing here.
const lines = new WeakMap<Socket, Waiting[]>()
const ended = new WeakSet<Socket>()

/** No request that comes behind this one on its connection is started any more. */
export function endPipeline ({ socket }: IncomingMessage): void {
  ended.add(socket)
}

/** Whether there are requests ahead of this one, or its connection is closing: what `startInTurn` is for. */
export function isBehind (message: IncomingMessage, response: ServerResponse): boolean {
  return response.socket === null || message.socket.writableEnded
}

/** Whether nothing that comes on a request's connection from here on is started. */
export function isPipelineOver ({ socket }: IncomingMessage): boolean {
  return isClosing(socket) || ended.has(socket)
}

/**
 * Starts a pipelined request when it may: a safe one at once, any other when those ahead of it have finished; not at all if its
 * connection closes before that, since its answer could never be sent. RFC 9112 section 9.3.2.
 */
export function startInTurn ({ socket, method }: IncomingMessage, response: ServerResponse, start: () => void): void {
  if (SAFE.has(method!)) return start()
  const waiting = { response, start }
  const line = lines.get(socket)
  if (line !== undefined) {
    line.push(waiting)
    return
  }
  lines.set(socket, [waiting])
  awaitNext(socket)
}

/** The response that a socket is busy with. */
export function currentResponse (socket: Socket): ServerResponse | undefined {
  return (socket as ServedSocket)._httpMessage ?? undefined
}

// One listener a response, however many wait.
function awaitNext (socket: Socket): void {
  currentResponse(socket)?.once('close', () => {
    const line = lines.get(socket)!
    // At a response's 'finish' it is not known yet whether the socket stays; `shouldKeepAlive` never tells.
    while (!isClosing(socket) && line.length > 0 && line[0]!.response.socket !== null) line.shift()!.start()
    if (isClosing(socket) || line.length === 0) lines.delete(socket)
    else awaitNext(socket)
  })
}

function isClosing (socket: Socket): boolean {
  return socket.destroyed || socket.writableEnded
}
