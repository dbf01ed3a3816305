import type { Duplex, Readable } from 'node:stream'
import { HoldfastError } from '../errors.js'
import type { PersistenceSignal } from '../http/connection-signal.js'
import type { HeldBody } from '../http/held-body.js'
import type { ResponseHead } from '../http/response-head.js'
import type { StreamedBody } from '../http/streamed-body.js'
import type { RequestBody, RequestBodyOwner } from '../wire/http1/request-body.js'
import { ResponseParser } from '../wire/http1/response-parser.js'
import type { ResponseReceiver } from '../wire/http1/response-parser.js'
import { framingOf, hasBytes, sendRequest } from '../wire/http1/send-request.js'
import type { Connection, ConnectionUser } from './connection.js'
import type { CloseReason, ResponseView } from './observer.js'

/** A request as it is written on a connection. Timeouts in ms, 0 for none. */
export interface ExchangeRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** Names and values in turn, as they are written: without those that follow from the body and the connection. */
  readonly headers: readonly string[]
  readonly body: string | Uint8Array | HeldBody | StreamedBody | Readable | null
  /** The declared length of a body that streams, in bytes; undefined: it goes in chunks. */
  readonly length?: number | undefined
  readonly headersTimeout: number
  readonly bodyTimeout: number
  /** The protocol that is asked for. CONNECT implies one. */
  readonly upgrade: string | undefined
}

/** How an exchange is to go. */
export interface ExchangeTerms {
  /** Whether the connection has lain in the pool. */
  readonly reused: boolean
  /** Why the connection ends with this exchange. */
  readonly closeFor: CloseReason | undefined
  /** Whether the request may be sent again after an answer that is none. */
  readonly retryable: boolean
  /**
   * How long the connection is watched before the request is written, in ms, and then for two turns of the event loop, in which all that has
   * come by now is read, a FIN above all. Undefined: the request is written at once.
   */
  readonly watch?: number | undefined
}

/** What is known of an exchange that failed: all that a retry may be decided on. */
export interface Failure {
  readonly error: HoldfastError
  /** Whether the connection was lost, as against a timeout, an abort or an answer that is not HTTP. */
  readonly lost: boolean
  /** Whether the connection had lain in the pool. */
  readonly reused: boolean
  /** Whether a byte of the request had been given to the socket. */
  readonly written: boolean
  /** Whether any byte of a response had come. */
  readonly responseStarted: boolean
  /** Whether the backend said 408 and close to a connection that had never been used: it had not seen the request. */
  readonly unusedTimeout: boolean
}

/** Where a response goes. After `ended`, `upgraded` or `failed`, of which exactly one comes, nothing is called any more. */
export interface ExchangeSink {
  /** An interim response. `lines`: names and values in turn. */
  informed (status: number, lines: string[]): void
  responded (status: number, head: ResponseHead, reason: string): void
  /**
   * Returns false to have the response paused until `Exchange.resume()`. What the same read of the socket holds besides, at most 64 KiB and
   * the response's end, still comes.
   */
  data (chunk: Buffer): boolean
  /** All of the read that the head came with has been told, and the response goes on. */
  goesOn? (): void
  /** `trailers`: names and values in turn. */
  ended (trailers: string[]): void
  upgraded (status: number, head: ResponseHead, socket: Duplex): void
  failed (failure: Failure): void
  bodySent (chunk: Uint8Array): void
  requestSent (): void
}

/** Who takes the connection back, with what its exchange found out. */
export interface ExchangeOwner {
  /** `reason` is undefined where the connection may carry another request. */
  exchangeEnded (connection: Connection, reason: CloseReason | undefined, response: ResponseView | undefined): void
  exchangeUpgraded (connection: Connection, response: ResponseView, socket: Duplex): void
}

interface Given { readonly error: HoldfastError, readonly reason: CloseReason | undefined }

const NO_BYTES = Buffer.alloc(0)
// Of its own kind each: none of these says that the backend gave the connection up.
const MISHAPS: ReadonlySet<CloseReason | undefined> = new Set<CloseReason>(['error', 'unexpected_data'])

/** One request and its response on one connection. */
export class Exchange implements ConnectionUser, ResponseReceiver, RequestBodyOwner {
  readonly #connection: Connection
  readonly #owner: ExchangeOwner
  readonly #sink: ExchangeSink
  readonly #request: ExchangeRequest
  readonly #terms: ExchangeTerms
  /** From the first byte of an answer on. */
  #parser: ResponseParser | undefined
  /** Of a body that comes while it is sent. */
  #body: RequestBody | undefined
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined
  /** The parser runs. What ends the exchange meanwhile is carried out behind its run. */
  #parsing = false
  #given: Given | undefined
  #paused = false
  #written = false
  #requestSent = false
  #unusedTimeout = false
  /** Whether the response's head came with what is being read. */
  #isHeadNew = false
  /** The sink has had its last call, or is having it. */
  #over = false
  #status = 0
  #signal: PersistenceSignal | undefined
  #protocol: ResponseHead | undefined
  #trailers: string[] = []
  /** 0 = none, as for an event stream, which may be silent for as long as it likes. */
  #bodyTimeout: number
  /** Something has moved since the last look at the deadlines. */
  #moved = true
  #quietSince = 0

  constructor (connection: Connection, owner: ExchangeOwner, sink: ExchangeSink, request: ExchangeRequest, terms: ExchangeTerms) {
    this.#connection = connection
    this.#owner = owner
    this.#sink = sink
    this.#request = request
    this.#terms = terms
    this.#bodyTimeout = request.bodyTimeout
  }

  /** Writes the request, once the connection has been watched. The sink may be called before this returns. */
  begin (): void {
    this.#connection.use(this, this.#request.method)
    const { watch } = this.#terms
    if (watch === undefined) this.#write()
    else if (watch > 0) this.#timer = setTimeout(() => this.#watchTwoTurns(), watch)
    else this.#watchTwoTurns()
  }

  /** Gives the exchange up: its connection is closed for `reason`, its sink fails with `error`. */
  abort (error: HoldfastError, reason: CloseReason): void {
    this.#give(error, reason)
  }

  /**
   * Gives the exchange up if it has been quiet for too long: the backend has not answered a request that is sent, has stopped in
   * its response, or does not read. Called every now and then, so that no request costs a timer or a look at the clock.
   */
  checkDeadline (now: number): void {
    // A receiver that takes its time, and a request whose next piece has not come, are not the backend's doing.
    const waiting = this.#paused || (!this.#requestSent && !this.#connection.writeBlocked)
    if (this.#moved || waiting) {
      this.#moved = false
      this.#quietSince = now
      return
    }
    const forHead = this.#status === 0 && this.#requestSent
    const limit = forHead ? this.#request.headersTimeout : this.#bodyTimeout
    if (limit === 0 || now - this.#quietSince < limit) return
    this.#give(new HoldfastError(forHead ? 'HOLDFAST_ERR_HEADERS_TIMEOUT' : 'HOLDFAST_ERR_BODY_TIMEOUT'), 'timeout')
  }

  /** Lets a paused response go on. */
  resume (): void {
    if (!this.#paused || this.#over) return
    this.#paused = false
    this.#moved = true
    // Within the parser's run the socket has not been paused yet.
    if (!this.#parsing) this.#connection.resumeReading()
  }

  // What the connection tells.

  /** Returns false where no request has been written that these bytes could answer. */
  read (bytes: Buffer, length: number, own: boolean): boolean {
    if (!this.#written) return false
    const parser = this.#parser ??= ResponseParser.take(this, {
      method: this.#request.method,
      upgrade: this.#request.upgrade !== undefined,
      maxHeaderSize: this.#connection.maxHeaderSize,
      maxResponseSize: this.#connection.maxResponseSize
    })
    this.#parsing = true
    try {
      parser.execute(bytes, length, own)
    } catch (thrown) {
      this.#sinkThrew(thrown)
    }
    this.#parsing = false
    const { socket } = this.#connection
    if (socket.expectsMuch !== parser.expectsMuch) socket.expectsMuch = parser.expectsMuch
    if (parser.over) {
      this.#finish(parser, bytes, length)
      return true
    }
    if (this.#paused) this.#connection.pauseReading()
    if (this.#isHeadNew) {
      this.#isHeadNew = false
      try {
        this.#sink.goesOn?.()
      } catch (thrown) {
        this.#sinkThrew(thrown)
      }
    }
    return true
  }

  readEnd (): void {
    const parser = this.#parser
    // Only a FIN ends a body that has no other end; what looks like one may be a reset.
    if (parser === undefined || this.#connection.endedByReset) return this.lost()
    this.#parsing = true
    try {
      parser.finish()
    } catch (thrown) {
      this.#sinkThrew(thrown)
    }
    this.#parsing = false
    if (parser.over && parser.failure?.kind !== 'cut-short') this.#finish(parser, NO_BYTES, 0)
    else this.lost()
  }

  lost (): void {
    const { endedBy, error: cause } = this.#connection
    // It was closed before anything was asked of it, whatever it was taken for.
    const before = !this.#written && this.#terms.reused
    const reason = MISHAPS.has(endedBy) ? endedBy : before ? 'backend_idle' : 'backend_active'
    this.#fail(new HoldfastError('HOLDFAST_ERR_CONNECTION_LOST', cause === undefined ? {} : { cause }), reason, before || reason === 'backend_active')
  }

  drained (): void {
    this.#body?.drained()
  }

  // What has come from the backend is read before its end is believed. The body's source is destroyed only behind that: the code that
  // sends the body takes a destroyed source for the end of the request.
  writeFailed (): void {
    this.#body?.pause()
  }

  // What the parser tells, from within its run.

  informed (status: number, lines: string[]): void {
    this.#sink.informed(status, lines)
  }

  responded (status: number, head: ResponseHead, reason: string): void {
    this.#noteHead(status, head)
    this.#moved = true
    if (head.isEventStream) this.#bodyTimeout = 0
    if (status === 408 && !head.signal.persistent && this.#terms.reused && this.#terms.retryable && this.#connection.served === 0) {
      this.#unusedTimeout = true
      this.#give(new HoldfastError('HOLDFAST_ERR_CONNECTION_LOST'), 'connection_close')
      return
    }
    this.#isHeadNew = true
    this.#sink.responded(status, head, reason)
  }

  data (chunk: Buffer): void {
    this.#moved = true
    if (!this.#sink.data(chunk)) this.#paused = true
  }

  ended (trailers: string[]): void {
    this.#trailers = trailers
  }

  upgraded (status: number, head: ResponseHead): void {
    this.#noteHead(status, head)
    this.#protocol = head
  }

  // What the request's body tells.

  bodySent (chunk: Uint8Array): void {
    this.#moved = true
    this.#sink.bodySent(chunk)
  }

  bodyEnded (): void {
    this.#requestSent = this.#moved = true
    this.#sink.requestSent()
  }

  bodyFailed (error: Error): void {
    if (error instanceof HoldfastError && error.code === 'HOLDFAST_ERR_UNSENDABLE') this.#give(error, 'error')
    else this.#give(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause: error }), 'client_gone')
  }

  // From within a callback of the event loop, what lies in the kernel now is read by the end of its next turn.
  #watchTwoTurns (): void {
    this.#turn = setImmediate(() => { this.#turn = setImmediate(() => this.#write()) })
  }

  #write (): void {
    const { method, path, headers, body, length, upgrade } = this.#request
    const framing = framingOf(method, body, length)
    let head: string
    try {
      head = this.#connection.heads.encode({ method, path, headers, upgrade }, framing, !this.#asksToClose)
    } catch (error) {
      // Nothing is written: the connection is as good as before.
      return this.#give(error as HoldfastError, undefined)
    }
    this.#written = true
    this.#body = sendRequest(this.#connection.socket, head, body, framing, this)
  }

  // A server that is to close behind its answer does so over what it has not read of an upload, and the reset takes the answer along. So a
  // request with a body does not ask for it where only the gateway wants the connection closed: the gateway closes it.
  get #asksToClose (): boolean {
    const { closeFor } = this.#terms
    return closeFor !== undefined && !(closeFor === 'non_persistent' && hasBytes(this.#request.body))
  }

  #noteHead (status: number, { minor, signal }: ResponseHead): void {
    this.#status = status
    this.#signal = signal
    this.#connection.saidVersion(minor)
  }

  // A sink that throws takes no more of the response.
  #sinkThrew (cause: unknown): void {
    this.#give(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause }), 'client_gone')
  }

  #give (error: HoldfastError, reason: CloseReason | undefined): void {
    if (this.#over || this.#given !== undefined) return
    this.#given = { error, reason }
    if (this.#parsing) this.#parser?.stop()
    else this.#fail(error, reason, false)
  }

  /** The parser has come to an end of the exchange, and out of its run. */
  #finish (parser: ResponseParser, bytes: Buffer, length: number): void {
    const { failure, rest } = parser
    if (this.#given !== undefined) return this.#fail(this.#given.error, this.#given.reason, false)
    if (failure !== undefined) {
      const code = failure.kind === 'too-large' ? 'HOLDFAST_ERR_RESPONSE_TOO_LARGE' : 'HOLDFAST_ERR_INVALID_RESPONSE'
      return this.#fail(new HoldfastError(code, { cause: new Error(failure.reason) }), 'invalid_response', false)
    }
    if (this.#protocol !== undefined) return this.#switch(this.#protocol, Buffer.from(bytes.subarray(length - rest, length)))
    const connection = this.#connection
    connection.answered(this.#isBodiless)
    // What comes behind a response answers nothing that was asked.
    const reason = this.#closeReason(parser.spent) ?? (rest > 0 ? 'unexpected_data' : undefined)
    this.#stop()
    this.#owner.exchangeEnded(connection, reason, this.#view(false))
    try {
      this.#sink.ended(this.#trailers)
    } catch (thrown) {
      warnOf(thrown)
    }
  }

  #switch (head: ResponseHead, rest: Buffer): void {
    const connection = this.#connection
    connection.answered(true)
    this.#stop()
    const socket = connection.handOver(rest)
    this.#owner.exchangeUpgraded(connection, this.#view(true), socket)
    try {
      this.#sink.upgraded(this.#status, head, socket)
    } catch (thrown) {
      warnOf(thrown)
    }
  }

  #fail (error: HoldfastError, reason: CloseReason | undefined, lost: boolean): void {
    if (this.#over) return
    const responseStarted = this.#parser?.started === true
    this.#stop()
    this.#owner.exchangeEnded(this.#connection, reason, this.#status === 0 ? undefined : this.#view(false))
    try {
      this.#sink.failed({ error, lost, reused: this.#terms.reused, written: this.#written, responseStarted, unusedTimeout: this.#unusedTimeout })
    } catch (thrown) {
      warnOf(thrown)
    }
  }

  /** Lets go of all that it holds but its last call. */
  #stop (): void {
    this.#over = true
    clearTimeout(this.#timer)
    clearImmediate(this.#turn)
    this.#body?.abandon()
    this.#parser?.release()
    this.#parser = undefined
    this.#connection.leave(this)
  }

  get #isBodiless (): boolean {
    return this.#status === 204 || this.#status === 304 || this.#request.method === 'HEAD'
  }

  /** Whether the system has taken all of the request. */
  get #isSent (): boolean {
    return this.#requestSent && !this.#connection.writeFailed && !this.#connection.writePending
  }

  #closeReason (spent: boolean): CloseReason | undefined {
    if (!this.#isSent) return 'early_response'
    if (this.#terms.closeFor !== undefined) return this.#terms.closeFor
    return this.#signal!.persistent && !spent ? undefined : 'connection_close'
  }

  #view (upgraded: boolean): ResponseView {
    return {
      signal: this.#signal!,
      status: this.#status,
      asked: this.#terms.closeFor === undefined ? 'keep-alive' : 'close',
      requestSent: this.#isSent,
      clientGone: this.#given?.reason === 'client_gone',
      upgraded,
      withBody: hasBytes(this.#request.body)
    }
  }
}

// The connection's own work is done, and goes on whatever a sink does in its last call.
function warnOf (thrown: unknown): void {
  process.emitWarning(thrown as Error)
}
