import { Readable } from 'node:stream'
import { HeldBody } from '../held-body.js'
import { StreamedBody } from '../streamed-body.js'
import { RequestBody, writeTogether } from './request-body.js'
import type { RequestBodyOwner, RequestOutput } from './request-body.js'
import type { RequestFraming } from './request-head.js'

/** A request's body: all of its bytes, or the source that they come from. */
export type SentBody = string | Uint8Array | HeldBody | StreamedBody | Readable | null

// A request with one of these methods is expected to have a body: an empty body is sent as a length of 0 (RFC 9110 section 8.6).
const EXPECT_BODY = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH'])

/** Whether there are bytes to send. True for a stream, which may turn out to be empty. */
export function hasBytes (body: SentBody): boolean {
  if (body === null) return false
  return (body as { length?: number }).length !== 0 && (body as { size?: number }).size !== 0
}

/** How a request's body is framed. @param length the declared length of a streamed body, in bytes */
export function framingOf (method: string, body: SentBody, length: number | undefined): RequestFraming {
  if (!hasBytes(body)) return EXPECT_BODY.has(method) ? 0 : undefined
  if (typeof body === 'string') return Buffer.byteLength(body)
  if (body instanceof Uint8Array) return body.byteLength
  if (body instanceof HeldBody) return body.size
  return length ?? 'chunked'
}

/**
 * Writes a request. The head and a complete body leave in one write. A streamed body is returned and goes on by itself. If its first piece
 * has arrived already, that piece leaves with the head.
 *
 * @param head latin1 text, framing headers included
 */
export function sendRequest (socket: RequestOutput, head: string, body: SentBody, framing: RequestFraming, owner: RequestBodyOwner): RequestBody | undefined {
  if (body instanceof StreamedBody || body instanceof Readable) {
    const source = new RequestBody(body instanceof StreamedBody ? body.stream() : body, socket, framing === 'chunked' ? undefined : framing, owner)
    socket.cork()
    socket.write(head, 'latin1')
    source.start()
    // Uncork after the tick in which the stream emits what it holds.
    process.nextTick(uncork, socket)
    return source
  }
  if (!hasBytes(body)) {
    socket.write(head, 'latin1')
  } else if (body instanceof HeldBody) {
    socket.cork()
    socket.write(head, 'latin1')
    for (const piece of body.pieces) socket.write(piece)
    socket.uncork()
    for (const piece of body.pieces) owner.bodyWritten(piece)
  } else {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body as Uint8Array
    writeTogether(socket, head, bytes)
    owner.bodyWritten(bytes)
  }
  owner.requestWritten()
  return undefined
}

function uncork (socket: RequestOutput): void {
  socket.uncork()
}
