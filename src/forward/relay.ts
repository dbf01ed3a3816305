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

/** Who gets the response from the backend. */
export interface RelayOwner {
  /** The client takes more of a response whose `data` returned false. */
  relayWantsMore (): void
  /** Nobody will take the rest. */
  relayAbandoned (): void
}

/**
 * Step 8: a response on its way to the client, through the Fastify reply, so that the app's hooks run. What arrives whole in
 * one go is sent as one buffer, without a stream; anything larger or slower streams, with up to `responseBuffer` bytes held,
 * so that a backend is done before a slow client is.
 */
export class Relay {
  readonly #reply: FastifyReply
  readonly #buffer: number
  readonly #clientTimeout: number
  readonly #scope: AsyncResource
  readonly #owner: RelayOwner
  #status = 0
  #headers: HeaderRecord = {}
  /** Whether no function of the app's has the headers, which may be one object for all its responses. */
  #headersOwned = false
  // Most often there is one: an array would make room for sixteen.
  #first: Buffer | undefined
  #others: Buffer[] | undefined
  #size = 0
  #stream: ResponseStream | undefined
  #ended = false
  #paused = false

  /** @param terms bytes to hold of a response; how long a client may leave it unread, in ms, 0 for ever; where hooks run */
  constructor (reply: FastifyReply, terms: { buffer: number, clientTimeout: number, scope: AsyncResource }, owner: RelayOwner) {
    this.#reply = reply
    this.#buffer = terms.buffer
    this.#clientTimeout = terms.clientTimeout
    this.#scope = terms.scope
    this.#owner = owner
  }

  /**
   * The response's head. It streams unless all of it comes in the same read of the backend's socket.
   *
   * @param owned whether the record may be changed: no function of the app's has it
   */
  head (status: number, headers: HeaderRecord, owned: boolean): void {
    this.#status = status
    this.#headers = headers
    this.#headersOwned = owned
  }

  /** The response's head, and its body as a stream for somebody who sends it himself. */
  headFor (status: number, headers: HeaderRecord): ResponseStream {
    this.#status = status
    this.#headers = headers
    this.#applyCopy()
    return this.#open()
  }

  /** Returns false to have the response paused until more is wanted. */
  data (chunk: Buffer): boolean {
    const more = this.#stream === undefined
      ? this.#hold(chunk)
      : this.#scope.runInAsyncScope(this.#stream.push, this.#stream, chunk)
    this.#paused = !more
    return more
  }

  /** All of it has come. To be called where hooks run. */
  end (): void {
    this.#ended = true
    if (this.#stream !== undefined) this.#stream.push(null)
    else this.#sendWhole()
  }

  /** Ends a response visibly whose head the client has, unless a hook has put another body in its place. False: the client has nothing of it. */
  cut (error: Error): boolean {
    const { raw } = this.#reply
    if (this.#stream === undefined || !raw.headersSent) return false
    this.#ended = true
    if (!raw.writableFinished && this.#stream.readableFlowing !== null) cut(raw)
    this.#stream.destroy(error)
    return true
  }

  /** Ends a response that has been given to the app, whose client has nothing of it: Fastify answers with the error. False: it was not given. */
  fail (error: Error): boolean {
    const stream = this.#stream
    this.#ended = true
    if (stream === undefined) return false
    this.withdraw()
    stream.destroy(error)
    return true
  }

  /** Takes the response's headers back: they say nothing of the answer that is sent in its place. */
  withdraw (): void {
    const reply = this.#reply
    if (this.#stream === undefined || reply.raw.headersSent) return
    for (const name of Object.keys(this.#headers)) {
      if (name === 'proxy-status' || name === 'connection') continue
      reply.removeHeader(name)
      reply.raw.removeHeader(name)
    }
  }

  /** Nothing will take the rest, or there is none, which what reads the stream is told by the error. */
  abandon (error?: Error): void {
    this.#ended = true
    this.#stream?.destroy(error)
  }

  /** The response goes on behind what one read of the socket held: sends what has come so far, and the rest as it comes. In its scope. */
  goesOn (): void {
    if (!this.#ended && this.#stream === undefined) this.#sendStream()
  }

  #sendStream (): void {
    this.#applyCopy()
    const stream = this.#open()
    // Node keeps a head until the body begins, which may be long: an event stream is open from its head on.
    const { raw } = this.#reply
    // A failure meanwhile has another head.
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

  // What a client leaves unread is held for it, and may hold a backend besides.
  #limitClient (): void {
    const { raw, request } = this.#reply
    if (this.#clientTimeout === 0) return
    onClientStall(request.raw, raw, this.#clientTimeout, () => {
      // Behind another response on the connection, that one is what the client does not read; cut alone, this one would wait for its turn.
      cut(isBehindAnother(raw) ? currentResponse(request.raw.socket) ?? raw : raw)
    })
  }

  // A copy, since a response that streams may be withdrawn: what it has put on the reply is known by the names of its own headers.
  #applyCopy (): void {
    this.#reply.headers(this.#headersToApply())
    this.#reply.code(this.#status)
  }

  #headersToApply (): HeaderRecord {
    // RFC 9110 section 8.6: not even a length of 0, which some backends send. 304 may have one, and says more with it.
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
      // Fastify would call a buffer application/octet-stream where the backend said nothing.
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
    // Most often it is on its way already.
    if (!writableFinished && (socket === null || socket.writableLength > 0)) this.#limitClient()
  }
}

// Beyond that the copy costs more than it saves.
const SHORT = 16_384

// Keeps Fastify from writing `charset=utf-8` into the content type of JSON that is a string. It is for this one payload: an error handler may
// send another in its place.
function asItIs (this: FastifyReply, payload: unknown): string {
  this.serializer(null as unknown as typeof asItIs)
  return payload as string
}
