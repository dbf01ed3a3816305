import type { Writable } from 'node:stream'

type Done = (error?: Error | null) => void
type Chunks = Array<{ chunk: unknown, encoding: BufferEncoding }>

const WRITES = Symbol('holdfast.writes')

interface Watched extends Writable {
  [WRITES]: WithheldWrites
}

/**
 * A stream's writes, whose failure the stream does not learn of before `release()`.
 *
 * Node destroys a socket when a write to it fails. A backend that refuses an upload early answers and closes, which resets the connection
 * while the upload is being written: the answer lies in the kernel, and node would close the socket before it is read. So the failed write
 * stays under way, as far as the stream knows, while its owner goes on reading.
 */
export class WithheldWrites {
  /** The failure of a write; undefined while none has failed. */
  failure: Error | undefined
  readonly #stream: Writable
  readonly #write: Writable['_write']
  readonly #writev: Writable['_writev']
  readonly #told: (stream: Writable) => void
  #done: Done | undefined
  #through = false

  /** @param told is called once, when a write has failed, maybe from within `stream.write()` */
  constructor (stream: Writable, told: (stream: Writable) => void) {
    this.#stream = stream
    this.#told = told
    this.#write = stream._write
    this.#writev = stream._writev
    const watched = stream as Watched
    watched[WRITES] = this
    // An implementer's part of a stream. Each calls back exactly once, and the next write waits for that.
    watched._write = write
    if (typeof this.#writev === 'function') watched._writev = writev
  }

  /** Lets the stream learn of the failed write, which destroys it, and of those to come. */
  release (): void {
    this.#through = true
    // One that is under way still has its own end to tell of.
    if (this.failure === undefined) return
    const done = this.#done
    this.#done = undefined
    done?.(this.failure)
  }

  write (chunk: unknown, encoding: BufferEncoding, done: Done): void {
    this.#done = done
    this.#write.call(this.#stream, chunk, encoding, this.#written)
  }

  writev (chunks: Chunks, done: Done): void {
    this.#done = done
    this.#writev!.call(this.#stream, chunks, this.#written)
  }

  // One function for all writes of the stream, which has at most one under way.
  #written: Done = error => {
    const done = this.#done
    if (error === undefined || error === null || this.#through || this.#stream.destroyed) {
      this.#done = undefined
      done?.(error)
      return
    }
    this.failure = error
    this.#told(this.#stream)
  }
}

function write (this: Writable, chunk: unknown, encoding: BufferEncoding, done: Done): void {
  (this as Watched)[WRITES].write(chunk, encoding, done)
}

function writev (this: Writable, chunks: Chunks, done: Done): void {
  (this as Watched)[WRITES].writev(chunks, done)
}
