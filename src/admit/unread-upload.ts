import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { isHttp2 } from '../http/message-body.js'

// Time between two looks, in ms. Most often the first look finds that the end of the response is written.
const FIRST_LOOK = 1
const LAST_LOOK = 128

/**
 * Releases an upload whose answer comes before all of it has been read. Node reads and drops the rest of a body only where nothing has
 * begun to read it. A body that was begun and then paused would keep its connection, or its HTTP/2 stream and session, for ever.
 */
export function endUnreadUpload (message: IncomingMessage, response: ServerResponse): void {
  if (!isHttp2(message)) {
    response.once('finish', () => {
      if (!message.complete) message.unpipe().resume()
    })
    return
  }
  const { stream } = message
  // The response emits its events only when the whole stream has ended, so the stream's own 'finish' is used.
  stream.once('finish', () => whenEnded(stream, () => {
    // RFC 9113 section 8.1: this tells the client to stop its upload.
    stream.close(constants.NGHTTP2_NO_ERROR)
    // Node keeps such a stream until all that has come on it is read.
    message.unpipe().resume()
  }))
}

/**
 * Calls `then` once the frame that ends the response is written, unless the upload ends before. Node writes that frame some turns after
 * 'finish', and has no event for it. With a reset in its place, the client would take a whole response for one that was cut.
 */
function whenEnded (stream: ServerHttp2Stream, then: () => void, wait = FIRST_LOOK): void {
  if (stream.readableEnded || stream.destroyed) return
  // `closed`: the client has sent the rest meanwhile. The session has forgotten the stream then, and `state` says nothing.
  if (stream.closed || stream.state.localClose === 1) then()
  else setTimeout(() => whenEnded(stream, then, Math.min(2 * wait, LAST_LOOK)), wait).unref()
}
