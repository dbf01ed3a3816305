import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { isHttp2 } from '../http/message-body.js'

// Between two looks, in ms; most often the first one finds the end of the response written.
const FIRST_LOOK = 1
const LAST_LOOK = 128

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
  stream.once('finish', () => whenEnded(stream, () => {
    // RFC 9113 section 8.1: the client need not go on.
    stream.close(constants.NGHTTP2_NO_ERROR)
    // Node keeps a stream that was ended so until what has come of it is read.
    message.unpipe().resume()
  }))
}

/**
 * Calls `then` once the frame that ends the response is written, unless the upload ends before. Node writes that frame some turns after 'finish',
 * and has no event for it. A reset ahead of it would take its place: the client would see a whole response as one that was cut.
 */
function whenEnded (stream: ServerHttp2Stream, then: () => void, wait = FIRST_LOOK): void {
  if (stream.readableEnded || stream.destroyed) return
  // Where the client has sent the rest meanwhile, both sides are closed, and the session, which the state is asked of, has forgotten it.
  if (stream.closed || stream.state.localClose === 1) then()
  else setTimeout(() => whenEnded(stream, then, Math.min(2 * wait, LAST_LOOK)), wait).unref()
}
