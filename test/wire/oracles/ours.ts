import type { ResponseHead } from '../../../src/http/response-head.js'
import { ResponseParser } from '../../../src/wire/http1/response-parser.js'
import type { ResponseReceiver } from '../../../src/wire/http1/response-parser.js'
import { lowered } from './outcome.js'
import type { Asked, End, Oracle, Outcome, ReadMessage } from './outcome.js'

/** One buffer for all reads, as of a socket. It is overwritten, so bytes that are kept past a call without a copy are found. */
const AREA = Buffer.allocUnsafe(64 * 1024)
const OVERWRITTEN = 0x7e

/** What our parser read, and what it says about the connection. */
export interface OurOutcome extends Outcome {
  readonly started: boolean
  readonly spent: boolean
  /** Bytes after the response, in the read with its end. */
  readonly rest: number
  readonly bodySize: number
}

export const ours: Oracle = {
  name: 'ours',
  read: async (pieces, end, asked) => readByOurs(pieces, end, asked)
}

/** Gives the pieces to a parser, each in a read of its own, or in several reads of at most 64 KiB. */
export function readByOurs (pieces: readonly Buffer[], end: End, { method, upgrade = false }: Asked): OurOutcome {
  const reading = new Reading()
  const parser = ResponseParser.take(reading, { method, upgrade, maxHeaderSize: 16_384, maxResponseSize: -1 })
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += AREA.length) {
      const length = piece.copy(AREA, 0, at, at + AREA.length)
      if (reading.switched) {
        reading.tunnel(AREA.toString('latin1', 0, length))
      } else if (!parser.over) {
        parser.execute(AREA, length)
        if (reading.switched) reading.tunnel(AREA.toString('latin1', length - parser.rest, length))
      }
      AREA.fill(OVERWRITTEN, 0, length)
    }
  }
  if (end === 'fin' && !parser.over) {
    reading.finishing = true
    parser.finish()
  }
  const { started, spent, bodySize, failure, rest } = parser
  const refused = failure === undefined ? undefined : `${failure.kind}: ${failure.reason}`
  parser.release()
  return { messages: reading.messages(spent), refused, started, spent, rest, bodySize }
}

class Reading implements ResponseReceiver {
  switched = false
  finishing = false
  readonly #before: ReadMessage[] = []
  #status = 0
  #head: ResponseHead | undefined
  readonly #body: Buffer[] = []
  #tunnelled = ''
  #trailers: string[] = []
  #whole = false
  #byFin = false

  messages (spent: boolean): ReadMessage[] {
    if (this.#head === undefined) return this.#before
    return [...this.#before, {
      status: this.#status,
      lines: lowered(this.#head.lines),
      // Only now, when a chunk that is no copy has been overwritten.
      body: this.switched ? this.#tunnelled : Buffer.concat(this.#body).toString('latin1'),
      trailers: this.#trailers,
      upgraded: this.switched,
      whole: this.#whole,
      keepAlive: this.#whole && !this.#byFin && !this.switched && this.#head.signal.persistent && !spent
    }]
  }

  informed (status: number, lines: string[]): void {
    this.#before.push({ status, lines: lowered(lines), body: '', trailers: [], upgraded: false, whole: true, keepAlive: undefined })
  }

  responded (status: number, head: ResponseHead): void {
    this.#status = status
    this.#head = head
  }

  data (chunk: Buffer): void {
    this.#body.push(chunk)
  }

  ended (trailers: string[]): void {
    this.#trailers = lowered(trailers)
    this.#whole = true
    this.#byFin = this.finishing
  }

  upgraded (status: number, head: ResponseHead): void {
    this.responded(status, head)
    this.switched = true
    this.#whole = true
  }

  tunnel (text: string): void {
    this.#tunnelled += text
  }
}
