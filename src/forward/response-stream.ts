import { Duplex, Readable } from 'node:stream'
import { arrayBuffer, blob, buffer, json, text } from 'node:stream/consumers'
import { ignoreError } from '../errors.js'

// As undici has it.
const DUMP_LIMIT = 131_072

/**
 * The body of a backend's response as `onResponse` gets it, with what undici's own response bodies have: `json()`, `text()`, `bytes()`,
 * `arrayBuffer()`, `blob()`, `dump()` and `bodyUsed`. A failure that comes before anything reads it ends no process.
 */
export class ResponseStream extends Readable {
  #used = false

  constructor (options: { highWaterMark: number, read: () => void, destroy: (error: Error | null, callback: (error?: Error | null) => void) => void }) {
    super(options)
    this.on('error', ignoreError)
    this.once('close', this.#failPiped)
  }

  override pipe<T extends NodeJS.WritableStream> (destination: T, options?: { end?: boolean }): T {
    super.pipe(destination, options)
    // A hook that took its time pipes what has failed meanwhile. It may go on to pipe the destination, in the same turn.
    if (this.closed) process.nextTick(this.#failPiped)
    return destination
  }

  /** Whether something has begun to read it. */
  get bodyUsed (): boolean {
    return this.#used || this.readableDidRead
  }

  /** Parses it as JSON. Rejects with a SyntaxError for what is none, and with the failure of a body that was cut short. */
  async json (): Promise<unknown> {
    return json(this.#take())
  }

  async text (): Promise<string> {
    return text(this.#take())
  }

  async bytes (): Promise<Uint8Array> {
    return new Uint8Array(await buffer(this.#take()))
  }

  async arrayBuffer (): Promise<ArrayBuffer> {
    return arrayBuffer(this.#take())
  }

  async blob (): Promise<Blob> {
    return blob(this.#take()) as Promise<Blob>
  }

  /** Reads and drops it, up to `limit` bytes (131 072); a longer one is given up, with its connection. */
  async dump ({ limit = DUMP_LIMIT, signal }: { limit?: number, signal?: AbortSignal } = {}): Promise<null> {
    signal?.throwIfAborted()
    if (this.destroyed || this.readableEnded) return null
    return new Promise((resolve, reject) => {
      let dropped = 0
      const onAbort = (): void => { this.destroy() }
      signal?.addEventListener('abort', onAbort)
      this.once('close', () => {
        signal?.removeEventListener('abort', onAbort)
        if (signal?.aborted === true) reject(signal.reason)
        else resolve(null)
      })
      this.on('data', (chunk: Buffer) => {
        dropped += chunk.length
        if (dropped > limit) this.destroy()
      }).resume()
    })
  }

  // `pipe` passes on no failure: what a hook has put behind this stream, a gzip for one, would never end, and its client wait for ever.
  #failPiped = (): void => {
    const { errored } = this
    if (errored !== null) failBehind(this, errored)
  }

  #take (): this {
    if (this.bodyUsed) throw new TypeError('the body of this response has been read already')
    this.#used = true
    return this
  }
}

type Piping = Readable & { readonly _readableState?: { readonly pipes?: readonly unknown[] } }

// Where a chain ends is for others: Fastify answers with what its payload failed with.
function failBehind (source: Piping, error: Error): void {
  for (const transform of source._readableState?.pipes ?? []) {
    if (!(transform instanceof Duplex) || transform.destroyed) continue
    failBehind(transform, error)
    transform.on('error', ignoreError).destroy(error)
  }
}
