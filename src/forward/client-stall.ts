import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
import { onClientGone } from './client-exchange.js'

/** How much of a socket's last write libuv still holds. Node's own timeouts use it too. */
type Writing = Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }

// Looks in one timeout: a stall is found at most one interval between them too late.
const LOOKS = 4

/**
 * Calls a listener once when a client has taken nothing for `timeout` ms of what has been written for it. Time counts only while bytes wait
 * for the client: a silent backend is not the client's fault. For a response that waits behind another one on its socket, the bytes that
 * wait on the socket count. Node's own timeouts do not serve here: they are for the response that has the socket, and one that is set stays
 * for the response behind it.
 *
 * @param timeout in ms, above 0; the listener is called at most a quarter of it late
 * @returns takes all listeners and timers off the response; `listener` is not called after it
 */
export function onClientStall (message: IncomingMessage, response: ServerResponse, timeout: number, listener: () => void): () => void {
  let drained = 0
  const onDrain = (): void => { drained++ }
  let before: number | undefined
  let still = 0
  const interval = Math.ceil(timeout / LOOKS)
  const look = (): void => {
    const now = 'stream' in response ? takenFromStream(response as unknown as Http2ServerResponse, drained) : takenFromSocket(message.socket)
    still = now !== undefined && now === before ? still + 1 : 0
    before = now
    if (still < LOOKS) {
      timer = setTimeout(look, interval).unref()
      return
    }
    off()
    listener()
  }
  let timer = setTimeout(look, interval).unref()
  const off = (): void => {
    clearTimeout(timer)
    response.off('drain', onDrain)
    unlisten()
  }
  response.on('drain', onDrain)
  const unlisten = onClientGone(message, response, off)
  return off
}

/** A number that changes as the client takes bytes; undefined where none wait for the client, as always for an injected request. */
function takenFromSocket (socket: Writing): number | undefined {
  if (!(socket.writableLength > 0)) return undefined
  return socket.bytesWritten - socket.writableLength - (socket._handle?.writeQueueSize ?? 0)
}

/** The same for HTTP/2, where a stream's bytes wait for the client's flow-control windows. */
function takenFromStream ({ stream }: Http2ServerResponse, drained: number): number | undefined {
  return stream.writableLength > 0 ? drained * BEYOND_ANY_BUFFER - stream.bufferSize : undefined
}

const BEYOND_ANY_BUFFER = 2 ** 32
