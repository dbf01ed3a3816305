import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'

/** The Content-Length of a request, in bytes; undefined where it has none. */
export function contentLength (message: IncomingMessage): number | undefined {
  const value = message.headers['content-length']
  return value === undefined ? undefined : Number(value)
}

/**
 * Whether a request has a body. An HTTP/2 request has no Transfer-Encoding and may have no length: it has a body unless its stream ended
 * with the headers.
 */
export function hasBody (message: IncomingMessage): boolean {
  if (isHttp2(message)) return !message.stream.endAfterHeaders
  return message.headers['transfer-encoding'] !== undefined || (contentLength(message) ?? 0) > 0
}

/** Whether the client broke an upload off. Then the end of the received bytes is not the end of the body. */
export function isBrokenOff (message: IncomingMessage): boolean {
  // When a client resets an HTTP/2 stream, the stream first ends like a whole one; `closed` tells the difference.
  return isHttp2(message) ? message.stream.closed : message.destroyed && !message.complete
}

/** Whether a request came over HTTP/2. */
export function isHttp2 (message: IncomingMessage | Http2ServerRequest): message is Http2ServerRequest {
  return message.httpVersionMajor === 2 && 'stream' in message
}
