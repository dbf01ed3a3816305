import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2'

/** Whether a response is one of HTTP/2. Fastify's `reply.raw` may be, but its type is that of HTTP/1. */
export function isHttp2Response (response: ServerResponse | Http2ServerResponse): response is Http2ServerResponse {
  return 'stream' in response
}

/**
 * Whether the frame that ends a stream's response is written. Node writes it some turns after 'finish', and has no event for it. Its docs
 * have `state.localClose`, which is 1 for a stream that is closed on this side. They do not promise that it is 0 until the frame is
 * written.
 */
export function isEndWritten (stream: ServerHttp2Stream): boolean {
  // `closed`: the client has sent the rest meanwhile. The session has forgotten the stream then, and `state` says nothing.
  return stream.closed || stream.state.localClose === 1
}
