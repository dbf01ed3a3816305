import { Readable } from 'node:stream'
import { HeldBody } from '../../http/held-body.js'
import { StreamedBody } from '../../http/streamed-body.js'
import { RequestBody, writeTogether } from './request-body.js'
import type { RequestBodyOwner, RequestOutput } from './request-body.js'
import type { RequestFraming } from './request-head.js'

/** A request's body: all of it, or what it comes from. */
export type SentBody = string | Uint8Array | HeldBody | StreamedBody | Readable | null

// Methods whose requests are expected to have a body: an empty one is told by a length of 0 (RFC 9110 section 8.6).
const EXPECT_BODY = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH'])

/** Whether there are bytes to send. What comes as a stream may turn out to have none. */
export function hasBytes (body: SentBody): boolean {
  if (body === null) return false
  return (body as { length?: number }).length !== 0 && (body as { size?: number }).size !== 0
}

/** How a request's body is framed. @param length as it was declared, of a body that streams, in bytes */
export function framingOf (method: string, body: SentBody, length: number | undefined): RequestFraming {
  if (!hasBytes(body)) return EXPECT_BODY.has(method) ? 0 : undefined
  if (typeof body === 'string') return Buffer.byteLength(body)
  if (body instanceof Uint8Array) return body.byteLength
  if (body instanceof HeldBody) return body.size
  return length ?? 'chunked'
}

/**
 * Writes a request: its head, and a body that is here, in one go. A body that comes yet is returned, and goes on by itself; its first piece
 * leaves with the head where it is here already.
 *
 * @param head as latin1 text, framing included
 */
export function sendRequest (socket: RequestOutput, head: string, body: SentBody, framing: RequestFraming, owner: RequestBodyOwner): RequestBody | undefined {
  if (body instanceof StreamedBody || body instanceof Readable) {
    const source = new RequestBody(body instanceof StreamedBody ? body.stream() : body, socket, framing === 'chunked' ? undefined : framing, owner)
    socket.cork()
    socket.write(head, 'latin1')
    source.start()
    // Behind the tick in which a stream gives what it holds.
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
    for (const piece of body.pieces) owner.bodySent(piece)
  } else {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body as Uint8Array
    writeTogether(socket, head, bytes)
    owner.bodySent(bytes)
  }
  owner.bodyEnded()
  return undefined
}

function uncork (socket: RequestOutput): void {
  socket.uncork()
}
