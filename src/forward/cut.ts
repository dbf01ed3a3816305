import type { ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

/** A response with what it is sent on: a socket over HTTP/1, a stream over HTTP/2. */
type Ended = ServerResponse & { readonly stream?: ServerHttp2Stream }

/**
 * Ends a response that was not sent whole, in a way that its client sees. HTTP/2 has an error for this. Over HTTP/1 a FIN would be the
 * regular end of a body that ends with its connection, so TCP connections are reset, and TLS is closed without a close_notify, as `destroy`
 * does.
 */
export function cut (response: ServerResponse | Http2ServerResponse): void {
  const { stream, socket } = response as Ended
  if (stream !== undefined) {
    // Node ends the stream of a destroyed response with NO_ERROR, which clients take for the end of a whole response.
    if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    return
  }
  if (isResettable(socket)) socket.resetAndDestroy()
  // A pipelined response whose turn has not come. Before Node 24, `destroy` did this itself. Without it the client would wait for ever.
  else if (socket === null) (response as ServerResponse).once('socket', turn => turn.destroy())
  response.destroy()
}

// A pipelined response has no socket until its turn. `resetAndDestroy` throws on TLS.
function isResettable (socket: Socket | null): socket is Socket {
  return socket !== null && !socket.destroyed && typeof socket.resetAndDestroy === 'function' && !('encrypted' in socket)
}
