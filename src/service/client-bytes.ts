import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { hasBody } from '../http/message-body.js'
import { bodyBytes, countBody } from '../quirks/node-http-server.js'
import { isBehindAnother, noteSent, onceItHasSocket, sentBytes } from '../quirks/node-http-socket.js'

const kLedger = Symbol('holdfast.client-bytes')
type LedgerSocket = Socket & { [kLedger]?: Ledger }

/** What is noted of a client's connection, besides what Node counts. */
interface Ledger {
  /** Bytes of the requests that have been read. */
  asked: number
  /** Bytes written before the last response that had waited behind another one. */
  begun: number
  /** Bytes written when the last response ended. */
  ended: number
}

/** The bytes of an exchange with a client: of the request, and of the response. */
export interface ClientBytes { readonly requestBytes: number, readonly responseBytes: number }

/**
 * Counts the bytes of one exchange on a client's HTTP/1 connection, from its request on.
 *
 * A request is its head, as RFC 9112 writes it, and the data of its body as far as it was read. Node reads several pipelined requests at
 * once, so a count of the socket would not tell them apart. A response is all that was written to the socket for it: interim
 * responses, head, body and chunks. Responses follow each other on a socket, so each ends where the next one begins.
 */
export class ExchangeBytes {
  readonly #message: IncomingMessage
  readonly #socket: Socket
  readonly #ledger: Ledger
  readonly #head: number
  /** Bytes written to the socket before this response; Infinity while it waits behind another one. */
  #start: number

  /** To be made before a hook changes the headers. */
  constructor (message: IncomingMessage, response: ServerResponse) {
    const socket: LedgerSocket = message.socket
    const ledger = socket[kLedger] ?? countBytes(socket)
    this.#message = message
    this.#socket = socket
    this.#ledger = ledger
    this.#head = headBytes(message)
    ledger.asked += this.#head
    if (hasBody(message)) countBody(message)
    if (isBehindAnother(response)) {
      this.#start = Infinity
      // Node writes nothing of this response before that event.
      onceItHasSocket(response, () => { this.#start = ledger.begun = socket.bytesWritten })
    } else {
      // Not the bytes that are written by now: an interim response may be among them.
      this.#start = ledger.ended
    }
  }

  /** The counts, when the response has finished or its connection has closed. To be called once. */
  end (): ClientBytes {
    const message = this.#message
    const body = bodyBytes(message) + lineBytes(message.rawTrailers)
    const ledger = this.#ledger
    ledger.asked += body
    // A response that waited behind this one may have begun before this one's listeners were called.
    const end = ledger.begun > this.#start ? ledger.begun : sentBytes(this.#socket)
    if (end > this.#start) ledger.ended = end
    // The connection may have closed before this response was begun, or before those ahead were sent.
    return { requestBytes: this.#head + body, responseBytes: Math.max(0, end - this.#start) }
  }
}

/** Has a connection counted from now on. To be called before it can close. */
export function countBytes (socket: LedgerSocket): Ledger {
  noteSent(socket)
  socket[kLedger] ??= { asked: 0, begun: 0, ended: 0 }
  return socket[kLedger]
}

/** Bytes of a closed connection that belong to none of its exchanges: those of a last request that never became one, and of its answer. */
export function bytesBesides (socket: Socket): ClientBytes {
  const { asked, ended } = countBytes(socket)
  return { requestBytes: Math.max(0, socket.bytesRead - asked), responseBytes: Math.max(0, sentBytes(socket) - ended) }
}

// The request line, the fields and the blank line.
function headBytes ({ method, url, rawHeaders }: IncomingMessage): number {
  return method!.length + url!.length + REQUEST_LINE + lineBytes(rawHeaders) + LINE_END
}

const LINE_END = 2
const REQUEST_LINE = '  HTTP/1.1\r\n'.length
const FIELD = ': \r\n'.length

function lineBytes (lines: readonly string[]): number {
  let bytes = 0
  for (let i = 0; i + 1 < lines.length; i += 2) bytes += lines[i]!.length + lines[i + 1]!.length + FIELD
  return bytes
}
