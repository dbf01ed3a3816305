import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'

/** Bytes of a request's body by its Content-Length; undefined where it has none. */
export function contentLength (message: IncomingMessage): number | undefined {
  const value = message.headers['content-length']
  return value === undefined ? undefined : Number(value)
}

/**
 * Whether a request comes with a body. HTTP/2 has no Transfer-Encoding, and need not tell a length: what matters is whether its stream ended
 * with the headers.
 */
export function hasBody (message: IncomingMessage): boolean {
  if (isHttp2(message)) return !message.stream.endAfterHeaders
  return message.headers['transfer-encoding'] !== undefined || (contentLength(message) ?? 0) > 0
}

/** Whether the client broke an upload off: the end of what it sent is no end of its body then. */
export function isBrokenOff (message: IncomingMessage): boolean {
  // A stream that its client resets ends as a whole one does, before anything else tells of it.
  return isHttp2(message) ? message.stream.closed : message.destroyed && !message.complete
}

/** Whether a request came on a stream of HTTP/2. */
export function isHttp2 (message: IncomingMessage | Http2ServerRequest): message is Http2ServerRequest {
  return message.httpVersionMajor === 2 && 'stream' in message
}
