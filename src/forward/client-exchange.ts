import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isBehindAnother } from '../quirks/node-http-socket.js'
import { isHttp2Response } from '../quirks/node-http2.js'

/** By socket, the listeners for responses that wait behind another one there. */
const waiting = new WeakMap<Socket, Set<() => void>>()

/**
 * Calls a listener once when a response has finished, or its client, its HTTP/2 stream or session, or its injected request has gone, but
 * never within this call. Node 20 emits no 'close' on a response that waits behind another one on its socket, so the socket's 'close'
 * counts for it too.
 *
 * @returns takes all listeners off the response and its socket; `listener` is not called after it
 */
export function onClientGone (message: IncomingMessage, response: ServerResponse, listener: () => void): () => void {
  let over = false
  let socket: Socket | undefined
  const gone = (): void => {
    if (over) return
    off()
    listener()
  }
  const off = (): void => {
    over = true
    response.off('close', gone)
    if (socket !== undefined) leave(socket, gone)
  }
  response.on('close', gone)
  if (isGone(message, response)) {
    // Node may have emitted 'close' before this call.
    process.nextTick(gone)
  } else if (isBehindAnother(response)) {
    socket = message.socket
    join(socket, gone)
  }
  return off
}

/** Whether a response emits 'close' at its end itself, since it has its socket and its client is there. It does not need `onClientGone`. */
export function tellsOfItsEnd (message: IncomingMessage, response: ServerResponse): boolean {
  return !isBehindAnother(response) && !isGone(message, response)
}

function isGone (message: IncomingMessage, response: ServerResponse): boolean {
  if (isHttp2Response(response)) return response.stream.destroyed
  return response.destroyed || (response.socket === null && message.socket.destroyed)
}

// A socket has one listener however many responses wait on it, and none once no response waits.
function join (socket: Socket, gone: () => void): void {
  const all = waiting.get(socket)
  if (all !== undefined) {
    all.add(gone)
    return
  }
  waiting.set(socket, new Set([gone]))
  socket.on('close', onSocketClose)
}

function leave (socket: Socket, gone: () => void): void {
  const all = waiting.get(socket)
  if (all?.delete(gone) !== true || all.size > 0) return
  waiting.delete(socket)
  socket.off('close', onSocketClose)
}

function onSocketClose (this: Socket): void {
  for (const gone of [...waiting.get(this) ?? []]) gone()
}
