import { Readable } from 'node:stream'
import { ignoreError } from '../errors.js'

// The mark of what streams, in bytes: two reads of a socket. With one or less the client is paused, and let go on, at each of them: a tenth
// of the CPU time of 128 kB.
const STREAM_MARK = 131_072

/**
 * A request's body that is sent while it comes. Everything that has come is held until it is more than a limit: until then a second
 * attempt can send the body from its beginning, and the rest behind it.
 */
export class StreamedBody {
  readonly #limit: number
  readonly #wantsMore: () => void
  /** All that has come, in order; undefined once it was too much to hold. */
  #held: Buffer[] | undefined
  #size: number
  #ended = false
  #attempt: Readable | undefined

  /**
   * @param pieces what has come so far
   * @param limit bytes that are held for a second attempt
   * @param wantsMore is called when an attempt can take more
   */
  constructor (pieces: Buffer[], limit: number, wantsMore: () => void) {
    this.#held = pieces
    this.#size = pieces.reduce((size, { length }) => size + length, 0)
    this.#limit = limit
    this.#wantsMore = wantsMore
  }

  /** Whether it can be sent from its beginning. */
  get replayable (): boolean {
    return this.#held !== undefined
  }

  /** The next piece. Returns false where no more is wanted for now. */
  push (piece: Buffer): boolean {
    this.#size += piece.length
    const attempt = this.#liveAttempt()
    // Without an attempt to give it to, a piece is held whatever its size.
    if (attempt === undefined || this.#size <= this.#limit) this.#held?.push(piece)
    else this.#held = undefined
    return attempt?.push(piece) ?? false
  }

  end (): void {
    this.#ended = true
    this.#liveAttempt()?.push(null)
  }

  /** Ends what an attempt still sends. */
  abandon (): void {
    this.#ended = true
    this.#held = undefined
    this.#attempt?.destroy()
  }

  /** The body for one attempt to send it. */
  stream (): Readable {
    const before = this.#attempt
    if (before !== undefined) {
      // Nothing of it was read, so nothing is missing from it.
      if (!before.destroyed && !before.readableDidRead) return before
      before.destroy()
    }
    const stream = this.#attempt = new Readable({ highWaterMark: STREAM_MARK, read: () => this.#wantsMore() })
    // Of a failure the exchange tells in any case.
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
