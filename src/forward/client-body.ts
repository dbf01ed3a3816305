import type { Readable } from 'node:stream'
import { HoldfastError, ignoreError } from '../errors.js'
import { HeldBody } from '../wire/held-body.js'
import { StreamedBody } from '../wire/streamed-body.js'
import { LeastRate } from './least-rate.js'

/** A request body as it is sent: whole where all of it is held, else as a stream. */
export type CollectedBody = Buffer | HeldBody | StreamedBody

// In bytes. Each piece costs a write of its own, so pieces that are smaller on average are joined.
const LARGE = 4_096
// In ms. A client that sends nothing for so long may be waiting for the backend's answer to what it has sent.
const PAUSE = 20
// In ms. How long the end of an HTTP/2 upload waits for a reset behind it.
const RESET_BEHIND_END = 5

/** How a client's body is read. Times in ms, sizes in bytes; a limit of 0 is none. */
export interface ClientBodyOptions {
  /** By Content-Length; undefined where the length is not known. */
  readonly length: number | undefined
  readonly replayLimit: number
  readonly bodyLimit: number
  readonly timeout: number
  /** The least rate while the body streams, in bytes a second. */
  readonly minRate: number
  /** Whether the client broke the request off. The end of the stream is not the end of the body then. */
  readonly isBrokenOff: () => boolean
  /** Whether the request came on an HTTP/2 stream. */
  readonly multiplexed: boolean
}

/** The forwarding that a body is read for. */
export interface ClientBodyOwner {
  /** The body can be sent. Called once, unless the body fails before. */
  collected (body: CollectedBody): void
  /** The body will not come whole. Called at most once, before or after `collected`. Any error but a HoldfastError is that of a hook. */
  bodyFailed (error: Error): void
}

/**
 * The error to answer with where a stream that a hook has put in the body's place has failed. Fastify's own parsers answer in the same way.
 */
export function unreadable (error: Error): Error {
  const { statusCode } = error as { statusCode?: unknown }
  if (typeof statusCode === 'number' && statusCode >= 400) return error
  return new HoldfastError('HOLDFAST_ERR_BAD_REQUEST', { cause: error, message: 'The request\'s body cannot be read' })
}

/**
 * Step 4. Reads a request's body from its beginning to its end. A body whose length is known to be within `replayLimit` is collected whole.
 * Any other body is collected until `replayLimit` bytes, its end, or a pause have come, and streams from there on. What is collected has to
 * come within `timeout` in total. A body that streams may pause for `timeout`, and has to come at `minRate` until the backend answers.
 */
export class ClientBody {
  readonly #source: Readable
  readonly #options: ClientBodyOptions
  readonly #owner: ClientBodyOwner
  #held: Buffer[] = []
  #size = 0
  #timer: NodeJS.Timeout | undefined
  #pauseTimer: NodeJS.Timeout | undefined
  #rate: LeastRate | undefined
  #streamed: StreamedBody | undefined
  #over = false

  constructor (source: Readable, options: ClientBodyOptions, owner: ClientBodyOwner) {
    this.#source = source
    this.#options = options
    this.#owner = owner
  }

  /** Begins to read. */
  start (): void {
    this.#expect()
    // A hook may have paused the stream that it has put in the body's place.
    this.#source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose).resume()
  }

  /** The backend has begun to answer. From here on it decides how long it waits for the rest, and the least rate ends. */
  answered (): void {
    this.#rate?.stop()
    this.#rate = undefined
  }

  /**
   * The backend has refused the request, and ends its connection with the answer. No more is written: a write that fails would lose the
   * rest of the answer. The body stays unfinished until the answer ends, for which it has `timeout` from now on.
   */
  refused (): void {
    if (this.#over) return
    this.#stop()
    this.#source.pause()
    const { timeout } = this.#options
    if (timeout > 0) this.#timer = setTimeout(() => this.#owner.bodyFailed(new HoldfastError('HOLDFAST_ERR_BODY_TIMEOUT')), timeout)
  }

  /** Stops reading, and frees all that is held. The owner is not called any more. */
  release (): void {
    if (!this.#over) {
      this.#stop()
      this.#source.pause()
    }
    clearTimeout(this.#timer)
    this.#held = []
    this.#streamed?.abandon()
  }

  #onData = (given: Buffer | string): void => {
    // Where the app has set an encoding, the pieces are strings.
    const chunk = typeof given === 'string' ? Buffer.from(given) : given
    this.#size += chunk.length
    const { bodyLimit, replayLimit } = this.#options
    if (bodyLimit > 0 && this.#size > bodyLimit) return this.#fail(new HoldfastError('HOLDFAST_ERR_BODY_LIMIT'))
    if (this.#streamed !== undefined) {
      this.#timer?.refresh()
      this.#rate?.add(chunk.length)
      if (!this.#streamed.push(chunk)) this.#pause()
      return
    }
    this.#held.push(chunk)
    if (this.#isWholeSoon) return
    if (this.#size >= replayLimit) this.#stream()
    else if (this.#pauseTimer === undefined) this.#pauseTimer = setTimeout(this.#onPause, PAUSE)
    else this.#pauseTimer.refresh()
  }

  // A busy process runs late timers before it reads what has come meanwhile: wait for one round of reading.
  #onPause = (): void => {
    const size = this.#size
    setImmediate(() => {
      if (!this.#over && this.#streamed === undefined && this.#size === size) this.#stream()
    })
  }

  // Node's own HTTP/2 client ends a stream that it resets, and the reset comes behind the end: 0.1 ms later, most often. An upload that
  // streams takes long anyway, and waits for longer than a short one.
  #onEnd = (): void => {
    clearTimeout(this.#pauseTimer)
    // Streams of hooks close once they have ended.
    this.#source.off('close', this.#onClose)
    if (!this.#options.multiplexed) this.#onSettled()
    else if (this.#streamed === undefined) setImmediate(() => setImmediate(this.#onSettled))
    else setTimeout(this.#onSettled, RESET_BEHIND_END)
  }

  #onSettled = (): void => {
    if (this.#over) return
    if (this.#options.isBrokenOff()) return this.#fail(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
    this.#stop()
    if (this.#streamed !== undefined) return this.#streamed.end()
    const body = this.#whole()
    this.#held = []
    this.#owner.collected(body)
  }

  #whole (): Buffer | HeldBody {
    if (this.#held.length === 1) return this.#held[0]!
    const large = this.#size > 0 && this.#size >= this.#held.length * LARGE
    return large ? new HeldBody(this.#held, this.#size) : Buffer.concat(this.#held, this.#size)
  }

  #onError = (error: Error): void => {
    if (error instanceof HoldfastError) this.#fail(error)
    else this.#fail(this.#options.isBrokenOff() ? new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause: error }) : unreadable(error))
  }

  #onClose = (): void => {
    this.#fail(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
  }

  /** Whether the body is collected whole: its length is known to be within `replayLimit`. */
  get #isWholeSoon (): boolean {
    const { length, replayLimit } = this.#options
    return length !== undefined && length <= replayLimit
  }

  #stream (): void {
    clearTimeout(this.#pauseTimer)
    this.#pause()
    this.#streamed = new StreamedBody(this.#held, this.#options.replayLimit, this.#onWanted)
    this.#held = []
    this.#rate = LeastRate.of(this.#options.minRate, () => this.#fail(new HoldfastError('HOLDFAST_ERR_CLIENT_BODY_TIMEOUT')))
    this.#owner.collected(this.#streamed)
  }

  #onWanted = (): void => {
    if (this.#over) return
    this.#expect()
    this.#rate?.resume()
    this.#source.resume()
  }

  // The client is not late while the backend does not read.
  #pause (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#rate?.pause()
    this.#source.pause()
  }

  #expect (): void {
    const { timeout } = this.#options
    if (timeout > 0) this.#timer ??= setTimeout(() => this.#fail(new HoldfastError('HOLDFAST_ERR_CLIENT_BODY_TIMEOUT')), timeout)
  }

  #fail (error: Error): void {
    if (this.#over) return
    this.#stop()
    this.#source.pause()
    this.#owner.bodyFailed(error)
  }

  #stop (): void {
    this.#over = true
    clearTimeout(this.#timer)
    clearTimeout(this.#pauseTimer)
    this.#rate?.stop()
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).off('error', this.#onError)
    // A stream that stops in mid-body may still fail, and an error without a listener ends the process.
    this.#source.on('error', ignoreError)
  }
}
