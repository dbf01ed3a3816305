import type { Socket } from 'node:net'

/**
 * Sends an RST and destroys the socket; `wire` is the TCP socket below a TLS socket. A unix socket has no RST. While an `end()` is under
 * way `resetAndDestroy()` fails with EINVAL and leaves the handle spinning in the event loop (Node 20, and see libp2p/js-libp2p#3597), so
 * the socket is only destroyed then.
 */
export function reset (socket: Socket, wire = socket): void {
  if (socket.destroyed) return
  const ending = socket.writableEnded && !socket.writableFinished
  if (ending || wire.remoteAddress === undefined) socket.destroy()
  else wire.resetAndDestroy()
}
