import type { AsyncResource } from 'node:async_hooks'
import { isAscii } from 'node:buffer'
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { isBehindAnother } from './client-exchange.js'
import { onClientStall } from './client-stall.js'
import { cut } from './cut.js'
import type { HeaderRecord } from '../http/headers.js'
import { writeAtOnce } from '../quirks/node-http-one-write.js'
import { currentResponse } from '../admit/pipelining.js'
import { giveHeaders, joinedHeaders, metHeaders } from './reply-headers.js'
import { ResponseStream } from './response-stream.js'

/** The forwarding that a response is relayed for. */
export interface RelayOwner {
  /** The client takes more of the response, after `data` has returned false. */
  relayWantsMore (): void
  /** Nothing will read the rest of the response. */
  relayAbandoned (): void
}

/**
 * Step 8: a response on its way to the client, through the Fastify reply, so that the app's hooks run. A response that one read of the
 * backend's socket holds whole is sent as one buffer, without a stream. Any other streams, with up to `responseBuffer` bytes held, so that
 * a backend is done before a slow client is.
 */
export class Relay {
  readonly #reply: FastifyReply
  readonly #buffer: number
  readonly #clientTimeout: number
  readonly #scope: AsyncResource
  readonly #owner: RelayOwner
  #status = 0
  #headers: HeaderRecord = {}
  /** Whether the headers may be changed. A function of the app may have returned one object for all its responses. */
  #headersOwned = false
  // Most often there is one chunk, and an array would make room for sixteen.
  #first: Buffer | undefined
  #others: Buffer[] | undefined
  #size = 0
  #stream: ResponseStream | undefined
  #ended = false
  #paused = false

  /**
   * @param terms bytes to hold; how long a client may leave the response unread, in ms (0: without limit); the context that hooks run in
   */
  constructor (reply: FastifyReply, terms: { buffer: number, clientTimeout: number, scope: AsyncResource }, owner: RelayOwner) {
    this.#reply = reply
    this.#buffer = terms.buffer
    this.#clientTimeout = terms.clientTimeout
    this.#scope = terms.scope
    this.#owner = owner
  }

  /**
   * Takes the response's head. The response streams unless all of it comes in the same read of the backend's socket.
   *
   * @param owned whether the record may be changed, since no function of the app has it
   */
  head (status: number, headers: HeaderRecord, owned: boolean): void {
    this.#status = status
    this.#headers = headers
    this.#headersOwned = owned
  }

  /** Takes the response's head, and returns its body as a stream for an `onResponse` that sends the response itself. */
  headFor (status: number, headers: HeaderRecord): ResponseStream {
    this.#status = status
    this.#headers = headers
    this.#applyCopy()
    return this.#open()
  }

  /** Takes a piece of the body. Returns false to have the response paused until `relayWantsMore`. */
  data (chunk: Buffer): boolean {
    const more = this.#stream === undefined
      ? this.#hold(chunk)
      : this.#scope.runInAsyncScope(this.#stream.push, this.#stream, chunk)
    this.#paused = !more
    return more
  }

  /** The whole response has come. To be called in the context that hooks run in. */
  end (): void {
    this.#ended = true
    if (this.#stream !== undefined) this.#stream.push(null)
    else this.#sendWhole()
  }

  /**
   * Cuts the client off if it has the response's head, unless a hook has put another body in place of the response's. False: the client has
   * nothing yet.
   */
  cut (error: Error): boolean {
    const { raw } = this.#reply
    if (this.#stream === undefined || !raw.headersSent) return false
    this.#ended = true
    if (!raw.writableFinished && this.#stream.readableFlowing !== null) cut(raw)
    this.#stream.destroy(error)
    return true
  }

  /**
   * Fails a response that the app has as a stream, and its client not yet: Fastify answers with the error. False: the app has no stream.
   */
  fail (error: Error): boolean {
    const stream = this.#stream
    this.#ended = true
    if (stream === undefined) return false
    this.withdraw()
    stream.destroy(error)
    return true
  }

  /** Removes the response's headers from the reply, since another answer is sent in its place. */
  withdraw (): void {
    const reply = this.#reply
    if (this.#stream === undefined || reply.raw.headersSent) return
    for (const name of Object.keys(this.#headers)) {
      if (name === 'proxy-status' || name === 'connection') continue
      reply.removeHeader(name)
      reply.raw.removeHeader(name)
    }
  }

  /** Gives the rest of the response up. With an error, the app's reader of the stream gets it. */
  abandon (error?: Error): void {
    this.#ended = true
    this.#stream?.destroy(error)
  }

  /**
   * The response does not end in the first read of the socket: sends what has come so far, and the rest as it comes. To be called in the
   * context that hooks run in.
   */
  goesOn (): void {
    if (!this.#ended && this.#stream === undefined) this.#sendStream()
  }

  #sendStream (): void {
    this.#applyCopy()
    const stream = this.#open()
    // Node holds a head back until the body begins. That may take long, and an event stream is open only when its head has come.
    const { raw } = this.#reply
    // After a failure, the head is that of another answer.
    if (stream.readableLength === 0) raw.once('pipe', () => { if (!stream.destroyed) raw.flushHeaders() })
    this.#reply.send(stream)
  }

  #hold (chunk: Buffer): boolean {
    if (this.#first === undefined) this.#first = chunk
    else (this.#others ??= []).push(chunk)
    this.#size += chunk.length
    return this.#size < this.#buffer
  }

  #held (): Buffer[] {
    return this.#first === undefined ? [] : [this.#first, ...this.#others ?? []]
  }

  #open (): ResponseStream {
    const stream = this.#stream = new ResponseStream({
      highWaterMark: this.#buffer,
      read: () => {
        if (!this.#paused) return
        this.#paused = false
        this.#owner.relayWantsMore()
      },
      destroy: (error, callback) => {
        if (!this.#ended) this.#owner.relayAbandoned()
        callback(error)
      }
    })
    for (const chunk of this.#held()) stream.push(chunk)
    this.#first = this.#others = undefined
    this.#limitClient()
    return stream
  }

  // A response that its client does not read takes memory here, and may keep a backend waiting.
  #limitClient (): void {
    const { raw, request } = this.#reply
    if (this.#clientTimeout === 0) return
    onClientStall(request.raw, raw, this.#clientTimeout, () => {
      // Where this response waits behind another on the connection, the client does not read that other one. Cutting this one would wait
      // for its turn.
      cut(isBehindAnother(raw) ? currentResponse(request.raw.socket) ?? raw : raw)
    })
  }

  // The headers are copied to the reply, and kept here: `withdraw` removes them by name.
  #applyCopy (): void {
    this.#reply.headers(this.#headersToApply())
    this.#reply.code(this.#status)
  }

  #headersToApply (): HeaderRecord {
    // RFC 9110 section 8.6: a 204 has no Content-Length, not even the 0 that some backends send. A 304 may have one.
    if (this.#status === 204) delete this.#headers['content-length']
    const headers = metHeaders(this.#reply, this.#headers)
    return this.#reply.request.raw.httpVersionMajor === 2 ? joinedHeaders(headers) : headers
  }

  #sendWhole (): void {
    if (this.#reply.sent) return
    const headers = this.#headersToApply()
    if (!this.#headersOwned || !giveHeaders(this.#reply, headers)) this.#reply.headers(headers)
    this.#reply.code(this.#status)
    if (this.#size === 0) {
      this.#reply.send()
    } else if (this.#headers['content-type'] === undefined) {
      // Fastify sends a buffer without a Content-Type as application/octet-stream. The backend has named no type.
      this.#reply.send(Readable.from(this.#held(), { objectMode: false }))
    } else {
      const body = this.#others === undefined ? this.#first! : Buffer.concat(this.#held(), this.#size)
      if (this.#size <= SHORT && isAscii(body)) {
        writeAtOnce(this.#reply.raw)
        this.#reply.serializer(asItIs).send(body.toString('latin1'))
      } else {
        this.#reply.send(body)
      }
    }
    const { socket, writableFinished } = this.#reply.raw
    // Most often the response is written by now.
    if (!writableFinished && (socket === null || socket.writableLength > 0)) this.#limitClient()
  }
}

// In bytes. The copy to a string costs more than it saves for longer bodies.
const SHORT = 16_384

// A serializer of its own keeps Fastify from adding `charset=utf-8` to the content type of JSON that is a string. It serves one payload
// only, since an error handler may send another in its place.
function asItIs (this: FastifyReply, payload: unknown): string {
  this.serializer(null as unknown as typeof asItIs)
  return payload as string
}
