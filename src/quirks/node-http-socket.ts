import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** `_httpMessage` is the response that has the socket. */
type ServedSocket = Socket & { readonly _httpMessage?: ServerResponse | null }

/** `writeQueueSize` is how much of the socket's last write libuv still holds, in bytes. */
type Writing = Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }

/**
 * The response that has a socket now; undefined where none has it. Node keeps it in a property that its docs do not mention, and uses it
 * itself for timeouts and for the parser's errors. If a later version has no such property, every socket counts as idle: what waits for
 * the responses ahead does not wait.
 */
export function currentResponse (socket: Socket): ServerResponse | undefined {
  return (socket as ServedSocket)._httpMessage ?? undefined
}

/**
 * Whether a response has no socket yet, since another response on the same connection goes first. HTTP/1 only. When its client leaves,
 * such a response emits no 'close' in Node 20. It gets its socket when the response ahead has ended, before that one emits 'close'.
 * Node's docs promise none of this.
 */
export function isBehindAnother (response: ServerResponse): boolean {
  // Node makes a proxy object each time that the socket of an HTTP/2 response is read.
  return !('stream' in response) && response.socket === null
}

/**
 * Calls back when a response that waits behind another one gets its socket. Node's docs have the event 'socket' for a client's request
 * only. If a later version does not emit it for a response, a response that was cut while it waited keeps its connection.
 */
export function onceItHasSocket (response: ServerResponse, then: (socket: Socket) => void): void {
  response.once('socket', then)
}

/**
 * How many bytes of a socket's last write the system has not taken yet. Node uses this number for its own timeouts, and its docs do not
 * mention it. If a later version has no such number, a client that reads one long write slowly is taken for one that reads nothing.
 */
export function bytesBeingWritten (socket: Socket): number {
  return (socket as Writing)._handle?.writeQueueSize ?? 0
}

/** `_handle` and its numbers are libuv's: bytes handed to it, and those of them that the system has not taken yet. */
type Counting = Socket & { readonly _handle?: { readonly bytesWritten?: number, readonly writeQueueSize?: number } | null }

const kSent = Symbol('holdfast.sent')
const kUnsent = Symbol('holdfast.unsent')
type Counted = Counting & { [kSent]?: number, [kUnsent]?: number }
const { _destroy: destroy } = Socket.prototype

/**
 * Has a socket note, at its end, how many bytes the system has taken from it. `bytesWritten` counts what was written, and may count
 * megabytes more for a client that has left. Node destroys every socket through `_destroy`, and knows the number only until then; its
 * docs promise neither. If a later version has no such numbers, `sentBytes` returns `bytesWritten`, and nothing counts as unsent.
 */
export function noteSent (socket: Socket): void {
  if (socket._destroy === destroy) socket._destroy = destroyCounted
}

/** The bytes that the system has taken from a destroyed socket; what has been written to one that is open. */
export function sentBytes (socket: Socket): number {
  return (socket as Counted)[kSent] ?? socket.bytesWritten
}

/**
 * Whether a socket was destroyed with bytes that the system had not taken. In Node 20 a response emits 'finish' then too: its listeners are
 * not told of a write that failed.
 */
export function hasUnsent (socket: Socket): boolean {
  return ((socket as Counted)[kUnsent] ?? 0) > 0
}

function destroyCounted (this: Counted, error: Error | null, callback: (error?: Error | null) => void): void {
  const written = this.bytesWritten
  const { bytesWritten = written, writeQueueSize = 0 } = this._handle ?? {}
  // libuv takes a write that has failed off its queue before it says so.
  const failed = (error as NodeJS.ErrnoException | null)?.syscall === 'write'
  const sent = this[kSent] = failed ? written - this.writableLength : bytesWritten - writeQueueSize
  this[kUnsent] = written - sent
  destroy.call(this, error, callback)
}

/** `parser.incoming` is the request that is being read, or the last one that was. */
type ParsedSocket = Socket & { readonly parser?: { readonly incoming?: IncomingMessage | null } | null }

/**
 * The request whose body a socket's parser is reading; undefined between two requests. Node's docs do not mention it. If a later version
 * has no such property, an error in a body counts as one of a request that was not begun.
 */
export function requestBeingRead (socket: Socket): IncomingMessage | undefined {
  const message = (socket as ParsedSocket).parser?.incoming
  return message?.complete === false ? message : undefined
}

/**
 * Prevents that a server's request destroys its client's socket when it is destroyed before its end. Without a socket it destroys none.
 * undici does the same with such a body, and Node's docs do not promise it.
 */
export function spareSocket (message: IncomingMessage): void {
  (message as { socket: unknown }).socket = null
}
