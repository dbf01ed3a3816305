import { Duplex } from 'node:stream'
import type { End } from './outcome.js'

/**
 * A connection in memory. It drops writes. After the first write, which is the request, come the pieces of the response, each in a read of
 * its own, and then the end.
 */
export class MemoryDuplex extends Duplex {
  /** Resolves when all pieces were read, or the reader closed the connection, and the reader then had two turns of the event loop. */
  readonly settled: Promise<void>
  readonly #pieces: Buffer[]
  readonly #end: End
  #asked = false
  #wanted = false
  #settle: () => void = () => {}

  constructor (pieces: readonly Buffer[], end: End) {
    super({ readableHighWaterMark: 1, allowHalfOpen: true })
    this.#pieces = [...pieces]
    this.#end = end
    this.settled = new Promise(resolve => {
      this.#settle = () => setImmediate(() => setImmediate(resolve))
    })
    this.once('close', () => this.#settle())
    this.on('error', () => {})
  }

  override _read (): void {
    this.#wanted = true
    if (!this.#asked) return
    const piece = this.#pieces.shift()
    if (piece === undefined) {
      if (this.#end === 'fin') this.push(null)
      this.#settle()
      return
    }
    this.#wanted = false
    this.push(piece)
  }

  override _write (_chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    callback()
    if (this.#asked) return
    this.#asked = true
    // The writer has to finish first, since an answer to half a request would be an early answer.
    if (this.#wanted) setImmediate(() => { if (!this.destroyed) this._read() })
  }
}
