/** Bytes that break the grammar of HTTP/1. The message says where. */
export class Malformed extends Error {
  override name = 'Malformed'
}

/** The connection ended in the middle of a message. */
export class Truncated extends Error {
  override name = 'Truncated'
}

/**
 * A reader that stops when it needs bytes that have not come yet. Its owner calls `next()` after each arrival. So the grammar reads from
 * top to bottom, and a message may be split anywhere.
 */
export type Reading<T> = Generator<undefined, T, undefined>

const LONGEST_LINE = 1024 * 1024

/** The bytes received on a connection and not consumed yet. */
export class WireInput {
  // A list, joined when needed: joining at each arrival would copy quadratically while a reader waits for much.
  #chunks: Buffer[] = []
  #ended: 'fin' | 'rst' | undefined

  get ended (): 'fin' | 'rst' | undefined {
    return this.#ended
  }

  push (chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  end (how: 'fin' | 'rst'): void {
    this.#ended ??= how
  }

  /** All unread bytes, which stay unread. */
  peek (): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] ?? Buffer.alloc(0)
  }

  /** At most `most` bytes, or none if none have come. */
  take (most: number): Buffer {
    const bytes = this.peek()
    this.#chunks = bytes.length > most ? [bytes.subarray(most)] : []
    return bytes.subarray(0, most)
  }
}

/** The next line without its CRLF, as Latin-1, so that each byte is one character. */
export function * readLine (input: WireInput): Reading<string> {
  for (;;) {
    const bytes = input.peek()
    const lineFeed = bytes.indexOf('\n')
    if (lineFeed !== -1) {
      const line = input.take(lineFeed + 1).toString('latin1')
      if (!line.endsWith('\r\n')) throw new Malformed(`bare LF after ${JSON.stringify(line)}`)
      const text = line.slice(0, -2)
      if (text.includes('\r') || text.includes('\0')) throw new Malformed(`CR or NUL within ${JSON.stringify(text)}`)
      return text
    }
    if (bytes.length > LONGEST_LINE) throw new Malformed('a line without end')
    yield * needMore(input)
  }
}

/** Stops until more bytes have come; throws if no more can come. */
export function * needMore (input: WireInput): Reading<void> {
  if (input.ended !== undefined) throw new Truncated(`the connection ended (${input.ended}) within a message`)
  yield
}
