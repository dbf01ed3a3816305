import { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { errors } from 'undici'
import { ignoreError } from '../errors.js'
import { spareSocket } from '../quirks/node-http-socket.js'
import { holdsItsEnd } from '../quirks/node-stream.js'
import { encodeForm, isFormData } from './form-data.js'

/** undici's `body` option in the form that an exchange sends. */
export interface GivenBody {
  readonly body: Uint8Array | Readable | null
  /** In bytes, where it is known before the body is sent. */
  readonly length: number | undefined
  /** The media type of the body itself, as a form or a Blob has it. */
  readonly type: string | undefined
  /** A stream that may fail at any time, and that is destroyed with the request. */
  readonly source: Readable | undefined
}

type Stream = NodeJS.ReadableStream & { destroy? (error?: Error): void }
type BlobLike = Pick<Blob, 'type'> & { size?: number } & (
  { stream (): AsyncIterable<Uint8Array> } | { stream: undefined, arrayBuffer (): Promise<ArrayBuffer> }
)

const NONE: GivenBody = { body: null, length: 0, type: undefined, source: undefined }

/**
 * Reads undici's `body` option: text, bytes, a stream, an iterable, a form or a Blob. Throws undici's `InvalidArgumentError` for anything
 * else. An iterable and a Blob are read when they are sent, a piece at a time.
 */
export function readBody (body: unknown): GivenBody {
  if (body === null || body === undefined) return NONE
  if (isMessage(body)) return ofReadable(wrapped(body), lengthOf(body))
  if (body instanceof Readable) return ofStream(body)
  if (isStream(body)) return ofReadable(wrapped(body), undefined)
  if (body instanceof Uint8Array) return ofBytes(body)
  if (ArrayBuffer.isView(body)) return ofBytes(Buffer.from(body.buffer, body.byteOffset, body.byteLength))
  if (body instanceof ArrayBuffer) return ofBytes(Buffer.from(body))
  if (typeof body === 'string') return ofBytes(Buffer.from(body))
  if (isFormData(body)) {
    const { type, length, parts } = encodeForm(body)
    return ofPieces(parts, length, type)
  }
  if (isBlob(body)) {
    const type = body.type ? `${body.type}` : undefined
    return body.size === 0 ? { ...NONE, type } : ofPieces(piecesOf(body), body.size, type)
  }
  if (isIterable(body)) return ofPieces(body)
  throw new errors.InvalidArgumentError('body must be a string, a Buffer, a Readable stream, an iterable, or an async iterable')
}

function ofBytes (bytes: Uint8Array): GivenBody {
  return bytes.byteLength === 0 ? NONE : { body: bytes, length: bytes.byteLength, type: undefined, source: undefined }
}

function ofStream (stream: Readable): GivenBody {
  return ofReadable(stream, lengthOf(stream))
}

function ofPieces (pieces: Iterable<unknown> | AsyncIterable<unknown>, length?: number, type?: string): GivenBody {
  return ofReadable(Readable.from(pieces, { objectMode: false }), length, type)
}

function ofReadable (source: Readable, length: number | undefined, type?: string): GivenBody {
  return { body: length === 0 ? null : source, length, type, source }
}

// A stream whose source has ended holds all of its data, so its length is known. Where that cannot be seen the body is sent chunked.
function lengthOf (stream: Readable): number | undefined {
  if (stream.readableObjectMode || stream.readableFlowing === true) return undefined
  stream.read(0)
  return holdsItsEnd(stream) && !stream.readableEnded && !stream.destroyed ? stream.readableLength : undefined
}

/**
 * Wraps a stream that must not, or cannot, be destroyed: streams in the style of before Node 0.10 may have no `destroy`, and a server's
 * message that is destroyed before its end destroys its client's socket.
 */
function wrapped (stream: Stream): Readable {
  let begun = false
  let ended = false
  const begin = (): void => {
    begun = true
    stream.on('data', (chunk: Uint8Array | string) => { if (!readable.push(chunk)) stream.pause() })
    stream.on('end', () => {
      ended = true
      readable.push(null)
    })
  }
  const readable = new Readable({
    read: () => {
      // Not earlier: a request that is refused must leave its body untouched.
      if (!begun) begin()
      stream.resume()
    },
    destroy: (error, callback) => {
      release(stream, error ?? undefined)
      callback(error)
    }
  })
  // The stream may fail while nothing listens to the wrapper, for example after the request was refused.
  readable.on('error', ignoreError)
  stream.on('error', error => readable.destroy(error))
  stream.on('close', () => { if (!ended) readable.destroy() })
  const { readableEnded, destroyed, errored } = stream as Partial<Readable>
  if (readableEnded === true) readable.push(null)
  else if (destroyed === true) readable.destroy(errored ?? undefined)
  return readable
}

function release (stream: Stream, error: Error | undefined): void {
  if (isMessage(stream)) {
    if (stream.readableEnded || stream.destroyed) return
    spareSocket(stream)
  }
  stream.destroy?.(error)
}

async function * piecesOf (blob: BlobLike): AsyncGenerator<Uint8Array> {
  if (blob.stream === undefined) yield new Uint8Array(await blob.arrayBuffer())
  else yield * blob.stream()
}

// Not `instanceof`: an object that inherits from IncomingMessage, as a test double does, may have no socket.
function isMessage (body: unknown): body is IncomingMessage {
  return typeof body === 'object' && body !== null && Object.getPrototypeOf(body)?.constructor === IncomingMessage
}

function isStream (body: unknown): body is Stream {
  const { pipe, on } = body as Partial<Stream>
  return typeof body === 'object' && typeof pipe === 'function' && typeof on === 'function'
}

function isBlob (body: unknown): body is BlobLike {
  if (body instanceof Blob) return true
  if (typeof body !== 'object' || body === null) return false
  const { stream, arrayBuffer } = body as { stream?: unknown, arrayBuffer?: unknown }
  const tag = (body as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  return (tag === 'Blob' || tag === 'File') && (typeof stream === 'function' || typeof arrayBuffer === 'function')
}

function isIterable (body: unknown): body is Iterable<unknown> | AsyncIterable<unknown> {
  const { [Symbol.iterator]: iterator, [Symbol.asyncIterator]: asyncIterator } = body as Partial<Iterable<unknown> & AsyncIterable<unknown>>
  return typeof iterator === 'function' || typeof asyncIterator === 'function'
}
