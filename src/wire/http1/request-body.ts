import type { Readable } from 'node:stream'
import { HoldfastError, ignoreError } from '../../errors.js'
import type { BackendSocket } from '../backend-socket.js'

/** The part of a socket that a request is written to. */
export type RequestOutput = Pick<BackendSocket, 'write' | 'cork' | 'uncork'>

/** Receives the events of a body while it is written. */
export interface RequestBodyOwner {
  /** A piece was given to the socket. */
  bodyWritten (chunk: Uint8Array): void
  /** The whole request was given to the socket. */
  requestWritten (): void
  /** The body cannot be sent whole: its source failed, or its length differs from the declared one. */
  bodyFailed (error: Error): void
}

// In bytes. Up to this size, a copy costs less than a write of several buffers.
const COPIED = 1_024
const LAST_CHUNK = '0\r\n\r\n'
const LINE_END = '\r\n'

/**
 * A request's body that arrives while it is sent. It is framed by its declared length or in chunks (RFC 9112 section 7.1), and its source
 * is paused while the socket is full. Each chunk leaves with its size and its line end in one write.
 */
export class RequestBody {
  readonly #source: Readable
  readonly #socket: RequestOutput
  readonly #length: number | undefined
  readonly #owner: RequestBodyOwner
  #written = 0
  #over = false

  /** @param length the declared length, in bytes; undefined: send in chunks */
  constructor (source: Readable, socket: RequestOutput, length: number | undefined, owner: RequestBodyOwner) {
    this.#source = source
    this.#socket = socket
    this.#length = length
    this.#owner = owner
  }

  start (): void {
    const source = this.#source
    // The source may have failed or ended before there was a connection.
    if (source.errored !== null) return this.#later(() => this.#fail(source.errored!))
    if (source.readableEnded) return this.#later(this.#onEnd)
    if (source.destroyed) return this.#later(this.#onClose)
    source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#fail).on('close', this.#onClose)
    source.resume()
  }

  /** Goes on: the socket takes more. */
  drained (): void {
    if (!this.#over) this.#source.resume()
  }

  /** Stops reading the source: the socket takes nothing more, and `drained()` will not be called. */
  pause (): void {
    if (!this.#over) this.#source.pause()
  }

  /** Writes no more of the body, and destroys its source. */
  abandon (): void {
    if (this.#over) return
    this.#stop()
    this.#source.destroy()
  }

  // The owner has not finished `start()`, so it is called later.
  #later (step: () => void): void {
    queueMicrotask(() => { if (!this.#over) step() })
  }

  #onData = (chunk: unknown): void => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (!(bytes instanceof Uint8Array)) return this.#refuse('a piece of the body is neither a string nor bytes')
    // A chunk of size 0 would end the body.
    if (bytes.length === 0) return
    this.#written += bytes.length
    if (this.#length !== undefined && this.#written > this.#length) return this.#refuse('the body is longer than its declared length')
    const more = this.#length === undefined ? writeTogether(this.#socket, bytes.length.toString(16) + LINE_END, bytes, LINE_END) : this.#socket.write(bytes)
    if (!more) this.#source.pause()
    this.#owner.bodyWritten(bytes)
  }

  #onEnd = (): void => {
    if (this.#length !== undefined && this.#written < this.#length) return this.#refuse('the body is shorter than its declared length')
    this.#stop()
    if (this.#length === undefined) this.#socket.write(LAST_CHUNK, 'latin1')
    this.#owner.requestWritten()
  }

  #onClose = (): void => this.#fail(this.#source.errored ?? new Error('the body was destroyed before its end'))

  #refuse (why: string): void {
    this.#fail(new HoldfastError('HOLDFAST_ERR_UNSENDABLE', { cause: new Error(why) }))
    this.#source.destroy()
  }

  #fail = (error: Error): void => {
    if (this.#over) return
    this.#stop()
    this.#owner.bodyFailed(error)
  }

  #stop (): void {
    this.#over = true
    // A late error of a stream without a listener would end the process.
    this.#source.on('error', ignoreError)
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#fail).off('close', this.#onClose)
  }
}

/** Writes bytes, and the latin1 text before and after them, in one write. @returns whether the socket takes more */
export function writeTogether (socket: RequestOutput, before: string, bytes: Uint8Array, after = ''): boolean {
  if (bytes.length <= COPIED) {
    const all = Buffer.allocUnsafe(before.length + bytes.length + after.length)
    all.write(before, 'latin1')
    all.set(bytes, before.length)
    all.write(after, before.length + bytes.length, 'latin1')
    return socket.write(all)
  }
  socket.cork()
  socket.write(before, 'latin1')
  let more = socket.write(bytes)
  if (after !== '') more = socket.write(after, 'latin1')
  socket.uncork()
  return more
}
