import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2'

/** Whether a response is one of HTTP/2: Fastify gives either, and its types have one. */
export function isHttp2Response (response: ServerResponse | Http2ServerResponse): response is Http2ServerResponse {
  return 'stream' in response
}

/**
 * Whether the frame that ends the response of a stream is written. Node writes it some turns after 'finish', and has
 * no event for it. By its docs `state.localClose` is 1 once the stream is closed on this side; that it is 0 until
 * that frame is written they do not say.
 */
export function isEndWritten (stream: ServerHttp2Stream): boolean {
  // Where the client has sent the rest meanwhile, both sides are closed, and the session, which the state is asked
  // of, has forgotten it.
  return stream.closed || stream.state.localClose === 1
}
