import type { Readable } from 'node:stream'
import { HoldfastError, ignoreError } from '../errors.js'
import { HeldBody } from '../http/held-body.js'
import { StreamedBody } from '../http/streamed-body.js'
import { LeastRate } from './least-rate.js'

/** A request body as it is sent: whole, where all of it was held; else as it comes. */
export type CollectedBody = Buffer | HeldBody | StreamedBody

// Each piece is a write of its own: smaller ones are joined, in bytes.
const LARGE = 4_096
// A client that has sent nothing for so long, in ms, may be waiting for the backend's answer to what it has sent.
const PAUSE = 20
// Until the end of an HTTP/2 upload is believed, in ms.
const RESET_BEHIND_END = 5

/** How a client's body is to be read; times in ms, sizes in bytes, 0 for none. */
export interface ClientBodyOptions {
  /** By Content-Length; undefined where it is not known. */
  readonly length: number | undefined
  readonly replayLimit: number
  readonly bodyLimit: number
  readonly timeout: number
  /** In bytes a second. */
  readonly minRate: number
  /** Whether the client broke the request off: the end of its stream is no end of its body then. */
  readonly isBrokenOff: () => boolean
  /** Whether it came on an HTTP/2 stream. */
  readonly multiplexed: boolean
}

/** What is told of a body. */
export interface ClientBodyOwner {
  /** It can be sent. Called once, unless it fails before. */
  collected (body: CollectedBody): void
  /** It will not come whole. Called once at most, before or after `collected`. An error that is none of ours is a hook's own. */
  bodyFailed (error: Error): void
}

/** What a stream that a hook has put in the body's place has failed with: for its client, as Fastify's own parsers answer it. */
export function unreadable (error: Error): Error {
  const { statusCode } = error as { statusCode?: unknown }
  return typeof statusCode === 'number' && statusCode >= 400 ? error : new HoldfastError('HOLDFAST_ERR_BAD_REQUEST', { cause: error, message: 'The request\'s body cannot be read' })
}

/**
 * Step 4. Reads a request's body from its beginning to its end. One whose length is known to be within `replayLimit` is collected whole;
 * any other until `replayLimit` bytes, its end, or a pause have come, and streams from there on. Until it can be sent, all of it has to come
 * within `timeout`; what streams may pause for as long, and comes at `minRate` until the backend answers.
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
    // A hook may have handed on a stream that it has paused.
    this.#source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose).resume()
  }

  /** The backend has begun to answer: how fast the rest comes is between the two. */
  answered (): void {
    this.#rate?.stop()
    this.#rate = undefined
  }

  /**
   * The backend has refused the request, and ends its connection with the answer: no more is written, since a write that fails would take
   * the rest of the answer along. What has been written stays open until that answer ends, which has `timeout` to do so from now.
   */
  refused (): void {
    if (this.#over) return
    this.#stop()
    this.#source.pause()
    const { timeout } = this.#options
    if (timeout > 0) this.#timer = setTimeout(() => this.#owner.bodyFailed(new HoldfastError('HOLDFAST_ERR_BODY_TIMEOUT')), timeout)
  }

  /** Stops reading, and frees all that it holds. Nothing is called any more. */
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
    // An app may have set an encoding.
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

  // Where the process was late, what has come meanwhile is read only after its timers.
  #onPause = (): void => {
    const size = this.#size
    setImmediate(() => {
      if (!this.#over && this.#streamed === undefined && this.#size === size) this.#stream()
    })
  }

  // Node's own HTTP/2 client ends a stream that it resets, and the reset comes behind the end: 0.1 ms later, most often. An upload that has
  // begun to stream can wait for longer than one that is short.
  #onEnd = (): void => {
    clearTimeout(this.#pauseTimer)
    // A stream of a hook's closes once it has ended.
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

  /** Whether it is collected whole: by its length it is within what is held. */
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

  // While the backend does not read, the client is not late.
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
    // One that stops in mid-body may still fail, and ends the process where nothing listens.
    this.#source.on('error', ignoreError)
  }
}
