import { Readable } from 'node:stream'
import { ignoreError } from '../errors.js'

// High-water mark of a streamed body, in bytes: two reads of a socket. With one read or less, the client would be paused and resumed at
// each read, which costs a tenth of the CPU time of a 128 kB upload.
const STREAM_MARK = 131_072

/**
 * A request's body that is sent while it arrives. All received bytes are held, up to a limit. Within the limit, a second attempt can send
 * the body from its beginning.
 */
export class StreamedBody {
  readonly #limit: number
  readonly #wantsMore: () => void
  /** All received pieces, in order; undefined once they exceed the limit. */
  #held: Buffer[] | undefined
  #size: number
  #ended = false
  #attempt: Readable | undefined

  /**
   * @param pieces the pieces received so far
   * @param limit how many bytes are held for a second attempt
   * @param wantsMore called when an attempt can take more
   */
  constructor (pieces: Buffer[], limit: number, wantsMore: () => void) {
    this.#held = pieces
    this.#size = pieces.reduce((size, { length }) => size + length, 0)
    this.#limit = limit
    this.#wantsMore = wantsMore
  }

  /** Whether the body can be sent from its beginning. */
  get replayable (): boolean {
    return this.#held !== undefined
  }

  /** Takes the next piece. Returns false where no more is wanted for now. */
  push (piece: Buffer): boolean {
    this.#size += piece.length
    const attempt = this.#liveAttempt()
    // Without an attempt that takes the piece, it is held whatever its size.
    if (attempt === undefined || this.#size <= this.#limit) this.#held?.push(piece)
    else this.#held = undefined
    return attempt?.push(piece) ?? false
  }

  end (): void {
    this.#ended = true
    this.#liveAttempt()?.push(null)
  }

  /** Gives the body up: drops what is held, and destroys the stream of an attempt. */
  abandon (): void {
    this.#ended = true
    this.#held = undefined
    this.#attempt?.destroy()
  }

  /** A stream of the body, for one attempt. */
  stream (): Readable {
    const before = this.#attempt
    if (before !== undefined) {
      // Nothing was read from the earlier stream, so it is still complete.
      if (!before.destroyed && !before.readableDidRead) return before
      before.destroy()
    }
    const stream = this.#attempt = new Readable({ highWaterMark: STREAM_MARK, read: () => this.#wantsMore() })
    // The exchange reports a failure of the stream; the listener only keeps it from ending the process.
    stream.on('error', ignoreError)
    if (this.#held === undefined) return stream.destroy(new Error('a part of the body is not held any more'))
    for (const piece of this.#held) stream.push(piece)
    if (this.#size > this.#limit) this.#held = undefined
    if (this.#ended) stream.push(null)
    return stream
  }

  #liveAttempt (): Readable | undefined {
    return this.#attempt?.destroyed === true ? undefined : this.#attempt
  }
}
