import { Readable } from 'node:stream'
import { HoldfastError } from '../errors.js'
import { HeldBody } from '../http/held-body.js'

/** A request body as it is sent: whole, where all of it was held; else what was held, and the rest as it comes. */
export type CollectedBody = Buffer | HeldBody | Readable

// Each piece is a write of its own: smaller ones are joined, in bytes.
const LARGE = 4_096
// The mark of what streams, in bytes: two reads of a socket. With one or less the client is paused, and let go on, at each of them: a tenth
// of the CPU time of 128 kB.
const STREAM_MARK = 131_072

/** How a client's body is to be read; times in ms, sizes in bytes, 0 for none. */
export interface CollectOptions {
  /** By Content-Length; undefined for a chunked body. */
  readonly length: number | undefined
  readonly replayLimit: number
  readonly bodyLimit: number
  readonly timeout: number
}

/**
 * Step 4. Reads a body whole where its length is known to be within `replayLimit`; any other until `replayLimit` bytes, or its
 * end, have come: a client that trickles holds no backend connection meanwhile. All of that within `timeout`; what streams
 * after it may pause for as long. The callback is called once; a stream that it was given fails with a HoldfastError.
 */
export class BodyCollector {
  readonly #source: Readable
  readonly #options: CollectOptions
  readonly #done: (error: HoldfastError | undefined, body: CollectedBody | undefined) => void
  readonly #held: Buffer[] = []
  #size = 0
  #timer: NodeJS.Timeout | undefined
  #rest: Readable | undefined
  #over = false

  constructor (source: Readable, options: CollectOptions, done: (error: HoldfastError | undefined, body: CollectedBody | undefined) => void) {
    this.#source = source
    this.#options = options
    this.#done = done
    this.#expect()
    source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose)
  }

  /** Stops reading, and feeding what streams; the callback is not called any more. */
  abandon (): void {
    if (this.#over) return
    this.#stop()
  }

  #onData = (given: Buffer | string): void => {
    // An app may have set an encoding.
    const chunk = typeof given === 'string' ? Buffer.from(given) : given
    this.#size += chunk.length
    const { bodyLimit, replayLimit, length } = this.#options
    if (bodyLimit > 0 && this.#size > bodyLimit) return this.#fail(new HoldfastError('HOLDFAST_ERR_BODY_LIMIT'))
    if (this.#rest !== undefined) {
      this.#timer?.refresh()
      if (!this.#rest.push(chunk)) this.#pause()
      return
    }
    this.#held.push(chunk)
    // A body of known length within the limit is whole soon; one that is not ends here.
    if (this.#size >= replayLimit && (length === undefined || length > replayLimit)) this.#stream()
  }

  #onEnd = (): void => {
    this.#stop()
    if (this.#rest !== undefined) this.#rest.push(null)
    else this.#done(undefined, this.#whole())
  }

  #whole (): CollectedBody {
    if (this.#held.length === 1) return this.#held[0]!
    const large = this.#size > 0 && this.#size >= this.#held.length * LARGE
    return large ? new HeldBody(this.#held, this.#size) : Buffer.concat(this.#held, this.#size)
  }

  #onError = (error: Error): void => {
    this.#fail(error instanceof HoldfastError ? error : new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause: error }))
  }

  #onClose = (): void => {
    this.#fail(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
  }

  #stream (): void {
    const rest = new Readable({
      highWaterMark: STREAM_MARK,
      read: () => {
        if (this.#over) return
        this.#expect()
        this.#source.resume()
      },
      // The client's socket is not ours to end: its answer goes out on it.
      destroy: (error, callback) => {
        this.#stop()
        callback(error)
      }
    })
    for (const chunk of this.#held) rest.push(chunk)
    this.#held.length = 0
    this.#rest = rest
    this.#pause()
    this.#done(undefined, rest)
  }

  // While the backend does not read, the client is not late.
  #pause (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#source.pause()
  }

  #expect (): void {
    const { timeout } = this.#options
    if (timeout > 0) this.#timer ??= setTimeout(() => this.#fail(new HoldfastError('HOLDFAST_ERR_CLIENT_BODY_TIMEOUT')), timeout)
  }

  #fail (error: HoldfastError): void {
    if (this.#over) return
    this.#stop()
    if (this.#rest === undefined) this.#done(error, undefined)
    else this.#rest.destroy(error)
  }

  #stop (): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose)
    // One that stops in mid-body may still fail; nobody else would hear it.
    this.#source.on('error', ignore)
  }
}

function ignore (): void {}
