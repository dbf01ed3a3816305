import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
import { onClientGone } from './client-exchange.js'

/** Of a socket, how much of its last write libuv still has: node's own timeouts go by it too. */
type Writing = Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }

// A stall is found late by no more than one look of these.
const LOOKS = 4

/**
 * Calls a listener once when a client has taken nothing for `timeout` ms of what has been written for it. Where nothing waits for the client, no time
 * passes: a backend that is silent is no fault of the client's. A response that waits behind another one on its socket counts what waits there: node's
 * own timeouts are for the response that has the socket alone, and what they set stays for the one behind it.
 *
 * @param timeout in ms, above 0; the listener is called at most a quarter of it late
 * @returns takes off all that was put on the response; the listener is not called after it
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

/** A number that changes as the client's side takes bytes, or undefined where none wait for it. An injected request has no real socket. */
function takenFromSocket (socket: Writing): number | undefined {
  if (!(socket.writableLength > 0)) return undefined
  return socket.bytesWritten - socket.writableLength - (socket._handle?.writeQueueSize ?? 0)
}

/** The same for HTTP/2, where the client's windows decide what a stream's bytes wait for. */
function takenFromStream ({ stream }: Http2ServerResponse, drained: number): number | undefined {
  return stream.writableLength > 0 ? drained * BEYOND_ANY_BUFFER - stream.bufferSize : undefined
}

const BEYOND_ANY_BUFFER = 2 ** 32
