import type { ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

/** Of a response, what ends it: a socket under HTTP/1, a stream under HTTP/2. */
type Ended = ServerResponse & { readonly stream?: ServerHttp2Stream }

/**
 * Ends a response that was not sent whole such that its client sees that. HTTP/2 has an error for it. A body that ends with its connection
 * must not end by a FIN, which would be its end: TCP has a reset, TLS is closed without a close_notify, as `destroy` does.
 */
export function cut (response: ServerResponse | Http2ServerResponse): void {
  const { stream, socket } = response as Ended
  if (stream !== undefined) {
    // Node would call the end of a response that was destroyed NO_ERROR, which clients take for a whole one.
    if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    return
  }
  if (isResettable(socket)) socket.resetAndDestroy()
  // Until Node 24 `destroy` did that itself. Without it the client would wait for what is destroyed.
  else if (socket === null) (response as ServerResponse).once('socket', turn => turn.destroy())
  response.destroy()
}

// It throws on TLS; and a pipelined response that has no socket yet has sent nothing that could be cut.
function isResettable (socket: Socket | null): socket is Socket {
  return socket !== null && !socket.destroyed && typeof socket.resetAndDestroy === 'function' && !('encrypted' in socket)
}
