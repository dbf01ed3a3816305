import type { Writable } from 'node:stream'

type Done = (error?: Error | null) => void
type Chunks = Array<{ chunk: unknown, encoding: BufferEncoding }>

const WRITES = Symbol('holdfast.writes')

interface Watched extends Writable {
  [WRITES]: WithheldWrites
}

/**
 * Keeps the failure of a write from the stream until `release()`.
 *
 * Node destroys a socket when a write to it fails. A backend that refuses an upload early answers and closes. That resets the connection
 * while the upload is being written. The answer is still in the kernel, and Node would close the socket before reading it. So the failed
 * write looks unfinished to the stream, while its owner goes on reading.
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

  /** @param told is called once, when a write has failed, possibly within `stream.write()` */
  constructor (stream: Writable, told: (stream: Writable) => void) {
    this.#stream = stream
    this.#told = told
    this.#write = stream._write
    this.#writev = stream._writev
    const watched = stream as Watched
    watched[WRITES] = this
    // `_write` and `_writev` are the documented methods for implementers of a stream. Each calls back once, and the next write waits for
    // it.
    watched._write = write
    if (typeof this.#writev === 'function') watched._writev = writev
  }

  /** Reports the failed write to the stream, which destroys it. Later failures are reported at once. */
  release (): void {
    this.#through = true
    // Without a failure so far, a write under way still reports its own end.
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

  // One function serves all writes: a stream has at most one write under way.
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
