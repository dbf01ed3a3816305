import { Duplex, Readable } from 'node:stream'
import { arrayBuffer, blob, buffer, json, text } from 'node:stream/consumers'
import { ignoreError } from '../errors.js'
import { pipedInto } from '../quirks/node-stream.js'

// In bytes. undici's own limit.
const DUMP_LIMIT = 131_072

/**
 * The body of a backend's response as `onResponse` gets it. It has the methods of undici's response bodies: `json()`, `text()`, `bytes()`,
 * `arrayBuffer()`, `blob()`, `dump()` and `bodyUsed`. A failure before anything reads the body does not end the process.
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
    // A late hook may pipe a body that has failed meanwhile. In the same turn it may pipe the destination on.
    if (this.closed) process.nextTick(this.#failPiped)
    return destination
  }

  /** Whether something has begun to read it. */
  get bodyUsed (): boolean {
    return this.#used || this.readableDidRead
  }

  /** Parses the body as JSON. Rejects with a SyntaxError where it is not JSON, and with the failure where it was cut short. */
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

  /** Reads and drops the body, up to `limit` bytes (131 072). A longer body is given up, and its connection closed. */
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

  // `pipe` does not pass a failure on. What a hook has put behind this stream, a gzip for example, would never end, and the client wait for
  // ever.
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

// Destroys the transforms that a stream is piped into. Fastify, or the app, handles the failure of the last one.
function failBehind (source: Readable, error: Error): void {
  for (const transform of pipedInto(source)) {
    if (!(transform instanceof Duplex) || transform.destroyed) continue
    failBehind(transform, error)
    transform.on('error', ignoreError).destroy(error)
  }
}
