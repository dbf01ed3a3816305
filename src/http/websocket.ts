import type { IncomingHttpHeaders } from 'node:http'
import { HoldfastError } from '../errors.js'
import { hasToken } from './connection-signal.js'
import type { HeaderList, HeaderRecord } from './headers.js'

/** Whether a request asks for a WebSocket by the rules of RFC 6455 section 4.1, and has no body. */
export function asksForWebSocket (request: { readonly method?: string, readonly httpVersion: string, readonly headers: IncomingHttpHeaders }): boolean {
  const { method, httpVersion, headers } = request
  return method === 'GET' && httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' && hasToken(headers.connection ?? '', 'upgrade') &&
    Boolean(headers['sec-websocket-key']) && headers['sec-websocket-version'] !== undefined &&
    headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
}

/**
 * The headers of the 101 to the client. `Connection` and `Upgrade`, which concern one hop, are written anew, and Content-Length is removed.
 * Throws HOLDFAST_ERR_INVALID_RESPONSE where the backend changes to another protocol.
 *
 * @param headers the backend's end-to-end headers
 * @param list all of the backend's headers: names in lower case and values, in turn
 */
export function upgradeHeaders (headers: HeaderRecord, list: HeaderList): HeaderRecord {
  for (let i = 0; i + 1 < list.length; i += 2) {
    if (list[i] !== 'upgrade') continue
    if (list[i + 1]!.toLowerCase() !== 'websocket') throw new HoldfastError('HOLDFAST_ERR_INVALID_RESPONSE')
  }
  const out: HeaderRecord = { ...headers, connection: 'Upgrade', upgrade: 'websocket' }
  delete out['content-length']
  return out
}

/** A server's close frame with code 1001, going away. RFC 6455 section 7.4.1. */
export const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9])

const CLOSE = 0x8
const BASE_HEAD = 2
const MASKING_KEY = 4

/** Follows the frames of one direction to find where each ends. It reads their heads only. RFC 6455 section 5.2. */
export class FrameTracker {
  /** Bytes of the present frame's payload that are still to come. */
  #payload = 0
  /** Bytes of the present head that have come, and how many the head has. */
  #seen = 0
  #head = BASE_HEAD
  #extended = 0
  #length = 0
  #opcode = 0
  #closed = false

  /** Whether another frame may be inserted here: the last frame is complete, and was not a close. */
  get between (): boolean {
    return this.#payload === 0 && this.#seen === 0 && !this.#closed
  }

  push (bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#payload > 0) {
        const skipped = Math.min(this.#payload, bytes.length - at)
        this.#payload -= skipped
        at += skipped
      } else {
        this.#headByte(bytes[at++]!)
      }
    }
  }

  #headByte (byte: number): void {
    this.#seen++
    if (this.#seen === 1) {
      this.#opcode = byte & 0xf
    } else if (this.#seen === BASE_HEAD) {
      const length = byte & 0x7f
      this.#extended = length === 126 ? 2 : length === 127 ? 8 : 0
      this.#length = this.#extended === 0 ? length : 0
      this.#head = BASE_HEAD + this.#extended + (byte > 0x7f ? MASKING_KEY : 0)
    } else if (this.#seen <= BASE_HEAD + this.#extended) {
      this.#length = this.#length * 256 + byte
    }
    if (this.#seen < this.#head) return
    this.#closed ||= this.#opcode === CLOSE
    this.#payload = this.#length
    this.#seen = 0
    this.#head = BASE_HEAD
  }
}
