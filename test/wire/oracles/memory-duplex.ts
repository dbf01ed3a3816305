import { Duplex } from 'node:stream'
import type { End } from './outcome.js'

/**
 * A connection in memory. What is written is dropped, and the first write is a request: the pieces of the response follow it, each in a
 * read of its own, and behind them the end.
 */
export class MemoryDuplex extends Duplex {
  /** Settles once all pieces have been read, or the reader has given the connection up, and it has had two turns to say what it makes of it. */
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
    // The writer comes first to its end: an answer to half a request is an early one.
    if (this.#wanted) setImmediate(() => { if (!this.destroyed) this._read() })
  }
}
