import type { Readable } from 'node:stream'
import { HoldfastError, ignoreError } from '../../errors.js'
import type { BackendSocket } from '../backend-socket.js'

/** Where a request goes. */
export type RequestOutput = Pick<BackendSocket, 'write' | 'cork' | 'uncork'>

/** What a body tells while it is written. */
export interface RequestBodyOwner {
  /** A piece has been given to the socket. */
  bodySent (chunk: Uint8Array): void
  /** All of it has been given to the socket. */
  bodyEnded (): void
  /** It has no end: its source failed, or has another length than was declared. */
  bodyFailed (error: Error): void
}

// Up to this size a copy is cheaper than a write of several buffers, in bytes.
const COPIED = 1_024
const LAST_CHUNK = '0\r\n\r\n'
const LINE_END = '\r\n'

/**
 * A request's body that comes while it is sent: with backpressure, and framed by its declared length or in chunks (RFC 9112 section 7.1).
 * Each chunk leaves with its line end in one write.
 */
export class RequestBody {
  readonly #source: Readable
  readonly #socket: RequestOutput
  readonly #length: number | undefined
  readonly #owner: RequestBodyOwner
  #sent = 0
  #over = false

  /** @param length as it was declared, in bytes; undefined: in chunks */
  constructor (source: Readable, socket: RequestOutput, length: number | undefined, owner: RequestBodyOwner) {
    this.#source = source
    this.#socket = socket
    this.#length = length
    this.#owner = owner
  }

  start (): void {
    const source = this.#source
    // It may have failed, or have ended, before a connection was had.
    if (source.errored !== null) return this.#later(() => this.#fail(source.errored!))
    if (source.readableEnded) return this.#later(this.#onEnd)
    if (source.destroyed) return this.#later(this.#onClose)
    source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#fail).on('close', this.#onClose)
    source.resume()
  }

  /** The socket takes more. */
  drained (): void {
    if (!this.#over) this.#source.resume()
  }

  /** The socket takes nothing more, and there is no `drained()` to come. */
  pause (): void {
    if (!this.#over) this.#source.pause()
  }

  /** Writes no more of it, and destroys its source. */
  abandon (): void {
    if (this.#over) return
    this.#stop()
    this.#source.destroy()
  }

  // Its owner is still beginning.
  #later (step: () => void): void {
    queueMicrotask(() => { if (!this.#over) step() })
  }

  #onData = (chunk: unknown): void => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (!(bytes instanceof Uint8Array)) return this.#refuse('a piece of the body is neither text nor bytes')
    // An empty chunk would be the last one.
    if (bytes.length === 0) return
    this.#sent += bytes.length
    if (this.#length !== undefined && this.#sent > this.#length) return this.#refuse('the body is longer than was declared')
    const more = this.#length === undefined ? writeTogether(this.#socket, bytes.length.toString(16) + LINE_END, bytes, LINE_END) : this.#socket.write(bytes)
    if (!more) this.#source.pause()
    this.#owner.bodySent(bytes)
  }

  #onEnd = (): void => {
    if (this.#length !== undefined && this.#sent < this.#length) return this.#refuse('the body is shorter than was declared')
    this.#stop()
    if (this.#length === undefined) this.#socket.write(LAST_CHUNK, 'latin1')
    this.#owner.bodyEnded()
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
    // A late error of a stream that nothing listens to would end the process.
    this.#source.on('error', ignoreError)
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#fail).off('close', this.#onClose)
  }
}

/** Writes bytes and the latin1 text around them in one go. @returns whether the socket takes more */
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
