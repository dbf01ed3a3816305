import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import { isHttp2 } from './message-body.js'

/**
 * Has an upload whose answer comes before it has been read hold nothing. Node reads what is left of a body that nothing has begun to read; one
 * that was begun, and paused, would keep its connection, or its HTTP/2 stream and session, for ever.
 */
export function endUnreadUpload (message: IncomingMessage, response: ServerResponse): void {
  if (!isHttp2(message)) {
    response.once('finish', () => {
      if (!message.complete) message.unpipe().resume()
    })
    return
  }
  const { stream } = message
  // The response itself tells of its end only together with the stream's.
  stream.once('finish', () => {
    if (stream.readableEnded || stream.destroyed) return
    // RFC 9113 section 8.1: the client need not go on.
    stream.close(constants.NGHTTP2_NO_ERROR)
    // Node keeps a stream that was ended so until what has come of it is read.
    message.unpipe().resume()
  })
}
