import type { ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import type { Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
import { onceItHasSocket } from '../quirks/node-http-socket.js'
import { isHttp2Response } from '../quirks/node-http2.js'

/**
 * Ends a response that was not sent whole such that its client sees that. HTTP/2 has an error for it. A body that ends with its connection
 * must not end by a FIN, which would be its end: TCP has a reset, TLS is closed without a close_notify, as `destroy` does.
 */
export function cut (response: ServerResponse | Http2ServerResponse): void {
  if (isHttp2Response(response)) {
    const { stream } = response
    // Node would call the end of a response that was destroyed NO_ERROR, which clients take for a whole one.
    if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    return
  }
  const { socket } = response
  if (isResettable(socket)) socket.resetAndDestroy()
  // Until Node 24 `destroy` did that itself. Without it the client would wait for what is destroyed.
  else if (socket === null) onceItHasSocket(response, turn => turn.destroy())
  response.destroy()
}

// It throws on TLS; and a pipelined response that has no socket yet has sent nothing that could be cut.
function isResettable (socket: Socket | null): socket is Socket {
  return socket !== null && !socket.destroyed && typeof socket.resetAndDestroy === 'function' && !('encrypted' in socket)
}
