import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** The response that has the socket. */
type ServedSocket = Socket & { readonly _httpMessage?: ServerResponse | null }

/** Of a socket, how much of its last write libuv still has. */
type Writing = Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }

/**
 * The response that a client's socket is busy with; undefined while there is none. Node's own timeouts and its
 * answers to the parser's errors go by the same property, which is in no docs. Where a later version has no such
 * property, a socket is taken for idle.
 */
export function currentResponse (socket: Socket): ServerResponse | undefined {
  return (socket as ServedSocket)._httpMessage ?? undefined
}

/**
 * Whether a response has no socket of its own yet, since another response on the same connection goes first. Only
 * HTTP/1. Such a response emits no 'close'; it gets its socket when the one ahead of it has ended, before that one's
 * 'close' is emitted. Node's docs say neither.
 */
export function isBehindAnother (response: ServerResponse): boolean {
  // The socket of an HTTP/2 response is a proxy that is made when it is asked for.
  return !('stream' in response) && response.socket === null
}

/**
 * Calls back with the socket of a response that is behind another, once it gets it. Node's docs have the event for a
 * client's request alone.
 */
export function onceItHasSocket (response: ServerResponse, then: (socket: Socket) => void): void {
  response.once('socket', then)
}

/**
 * Bytes of a socket's last write that the system has not taken. Node's own timeouts go by it, and its docs have it
 * not; where a later version keeps it elsewhere, a long write is taken for one that no client reads, until all of it
 * has left.
 */
export function bytesBeingWritten (socket: Socket): number {
  return (socket as Writing)._handle?.writeQueueSize ?? 0
}

/**
 * Keeps a request of a server's from ending its client's socket where it is destroyed before it has been read to its
 * end. Without a socket it destroys none, which is what undici does with such a body, and what Node's docs do not
 * say.
 */
export function spareSocket (message: IncomingMessage): void {
  (message as { socket: unknown }).socket = null
}
