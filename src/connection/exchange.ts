import type { Duplex, Readable } from 'node:stream'
import { HoldfastError } from '../errors.js'
import type { PersistenceSignal } from '../http/connection-signal.js'
import type { HeldBody } from '../wire/held-body.js'
import type { ResponseHead } from '../http/response-head.js'
import type { StreamedBody } from '../wire/streamed-body.js'
import type { RequestBody, RequestBodyOwner } from '../wire/http1/request-body.js'
import { ResponseParser } from '../wire/http1/response-parser.js'
import type { ResponseReceiver } from '../wire/http1/response-parser.js'
import { framingOf, hasBytes, sendRequest } from '../wire/http1/send-request.js'
import type { Connection, ConnectionUser } from './connection.js'
import type { CloseReason, ResponseView } from './observer.js'

/** A request, ready to be written on a connection. Timeouts in ms, 0 for none. */
export interface ExchangeRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** Names and values in turn, as they are written. Headers that follow from the body and the connection are not among them. */
  readonly headers: readonly string[]
  readonly body: string | Uint8Array | HeldBody | StreamedBody | Readable | null
  /** The declared length of a streamed body, in bytes; undefined: it is sent in chunks. */
  readonly length?: number | undefined
  readonly headersTimeout: number
  readonly bodyTimeout: number
  /** The protocol to upgrade to. CONNECT needs none. */
  readonly upgrade: string | undefined
}

/** The terms of one exchange. */
export interface ExchangeTerms {
  /** Whether the connection has lain in the pool. */
  readonly reused: boolean
  /** Why the connection closes after this exchange; undefined where it may be kept. */
  readonly closeFor: CloseReason | undefined
  /** Whether the request may be sent again after a 408 that the backend sent before it saw the request. */
  readonly retryable: boolean
  /**
   * How long the connection is watched before the request is written, in ms. After that, two turns of the event loop read what lies in the
   * kernel: a FIN above all. Undefined: the request is written at once.
   */
  readonly watch?: number | undefined
}

/** The evidence of a failed exchange. A retry is decided on this alone. */
export interface Failure {
  readonly error: HoldfastError
  /** Whether the connection was lost. Timeouts, aborts and answers that are not HTTP are not losses. */
  readonly lost: boolean
  /** Whether the connection had lain in the pool. */
  readonly reused: boolean
  /** Whether a byte of the request had been given to the socket. */
  readonly writeBegun: boolean
  /** Whether a byte of a response had come. */
  readonly responseStarted: boolean
  /** Whether the backend answered 408 and close on a reused connection that had served nothing: it had not seen the request. */
  readonly unusedTimeout: boolean
}

/** Receives a response. Exactly one of `ended`, `upgraded` and `failed` is called, and it is the last call. */
export interface ExchangeSink {
  /** An interim response. `lines`: names and values in turn. */
  informed (status: number, lines: string[]): void
  responded (status: number, head: ResponseHead, reason: string): void
  /**
   * Returns false to pause the response until `Exchange.resume()`. The rest of the same read of the socket is still delivered: at most 64
   * KiB, and the response's end.
   */
  data (chunk: Buffer): boolean
  /** The read that contained the head has been delivered, and the response is not over. */
  goesOn? (): void
  /** `trailers`: names and values in turn. */
  ended (trailers: string[]): void
  upgraded (status: number, head: ResponseHead, socket: Duplex): void
  failed (failure: Failure): void
  /** A piece of the body was given to the socket. */
  bodyWritten (chunk: Uint8Array): void
  /** The whole request was given to the socket. */
  requestWritten (): void
}

/** Takes the connection back, with what the exchange has learned about it. */
export interface ExchangeOwner {
  /** `reason` is undefined where the connection may carry another request. */
  exchangeEnded (connection: Connection, reason: CloseReason | undefined, response: ResponseView | undefined): void
  exchangeUpgraded (connection: Connection, response: ResponseView, socket: Duplex): void
}

interface Given { readonly error: HoldfastError, readonly reason: CloseReason | undefined }

const NO_BYTES = Buffer.alloc(0)
// Ends of a connection that keep their own reason: the backend has not closed the connection.
const MISHAPS: ReadonlySet<CloseReason | undefined> = new Set<CloseReason>(['error', 'unexpected_data'])

/** One request and its response on one connection. */
export class Exchange implements ConnectionUser, ResponseReceiver, RequestBodyOwner {
  readonly #connection: Connection
  readonly #owner: ExchangeOwner
  readonly #sink: ExchangeSink
  readonly #request: ExchangeRequest
  readonly #terms: ExchangeTerms
  /** Set from the first byte of a response on. */
  #parser: ResponseParser | undefined
  /** Set while a streamed body is sent. */
  #body: RequestBody | undefined
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined
  /** Whether the parser runs. An end of the exchange within the run takes effect after it. */
  #parsing = false
  #given: Given | undefined
  #paused = false
  /** Whether a byte of the request was given to the socket. */
  #writeBegun = false
  /** Whether the whole request was given to the socket. */
  #requestWritten = false
  #unusedTimeout = false
  /** Whether the present read contained the response's head. */
  #isHeadNew = false
  /** Whether the sink's last call was made, or is being made. */
  #over = false
  #status = 0
  #signal: PersistenceSignal | undefined
  #protocol: ResponseHead | undefined
  #trailers: string[] = []
  /** 0 means none. An event stream has none, since it may be silent for any time. */
  #bodyTimeout: number
  /** Whether bytes have moved since the last check of the deadlines. */
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

  /** Writes the request after the connection has been watched. The sink may be called before this returns. */
  begin (): void {
    this.#connection.use(this, this.#request.method)
    const { watch } = this.#terms
    if (watch === undefined) this.#write()
    else if (watch > 0) this.#timer = setTimeout(() => this.#watchTwoTurns(), watch)
    else this.#watchTwoTurns()
  }

  /** Gives the exchange up: closes its connection with `reason`, and calls `failed` of the sink with `error`. */
  abort (error: HoldfastError, reason: CloseReason): void {
    this.#give(error, reason)
  }

  /**
   * Gives the exchange up if it has been quiet for too long: the backend has not answered a sent request, has stopped within its response,
   * or does not read. The pool calls this at intervals, so that no request costs a timer or a read of the clock.
   */
  checkDeadline (now: number): void {
    // The backend is not at fault where the receiver has paused, or where the next piece of the request has not arrived.
    const waiting = this.#paused || (!this.#requestWritten && !this.#connection.writeBlocked)
    if (this.#moved || waiting) {
      this.#moved = false
      this.#quietSince = now
      return
    }
    const forHead = this.#status === 0 && this.#requestWritten
    const limit = forHead ? this.#request.headersTimeout : this.#bodyTimeout
    if (limit === 0 || now - this.#quietSince < limit) return
    this.#give(new HoldfastError(forHead ? 'HOLDFAST_ERR_HEADERS_TIMEOUT' : 'HOLDFAST_ERR_BODY_TIMEOUT'), 'timeout')
  }

  /** Lets a paused response go on. */
  resume (): void {
    if (!this.#paused || this.#over) return
    this.#paused = false
    this.#moved = true
    // Within the parser's run, the socket has not been paused yet.
    if (!this.#parsing) this.#connection.resumeReading()
  }

  // Called by the connection.

  /** Returns false where no request has been written that these bytes could answer. */
  read (bytes: Buffer, length: number, own: boolean): boolean {
    if (!this.#writeBegun) return false
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
    // A body that ends with its connection is whole after a FIN only, and a reset may look like a FIN.
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
    // The backend closed the connection before the request was written, so it was an idle close.
    const before = !this.#writeBegun && this.#terms.reused
    const reason = MISHAPS.has(endedBy) ? endedBy : before ? 'backend_idle' : 'backend_active'
    this.#fail(new HoldfastError('HOLDFAST_ERR_CONNECTION_LOST', cause === undefined ? {} : { cause }), reason, before || reason === 'backend_active')
  }

  drained (): void {
    this.#body?.drained()
  }

  // The socket is read to its end before the exchange fails, since an early answer may lie there. Until then the body's source is only
  // paused: the code that fills a source takes a destroyed source as the end of the request.
  writeFailed (): void {
    this.#body?.pause()
  }

  // Called by the parser, within its run.

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

  // Called by the request's body.

  bodyWritten (chunk: Uint8Array): void {
    this.#moved = true
    this.#sink.bodyWritten(chunk)
  }

  requestWritten (): void {
    this.#requestWritten = this.#moved = true
    this.#sink.requestWritten()
  }

  bodyFailed (error: Error): void {
    if (error instanceof HoldfastError && error.code === 'HOLDFAST_ERR_UNSENDABLE') this.#give(error, 'error')
    else this.#give(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause: error }), 'client_gone')
  }

  // This runs within a callback of the event loop. What lies in the kernel now is read by the end of the loop's next turn.
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
      // Nothing was written, so the connection can be kept.
      return this.#give(error as HoldfastError, undefined)
    }
    this.#writeBegun = true
    this.#body = sendRequest(this.#connection.socket, head, body, framing, this)
  }

  // A server that is asked to close may close before it has read the whole upload. The close is then a reset, which destroys the answer. So
  // a request with a body to a non-persistent backend does not ask for a close, and the gateway closes the connection itself.
  get #asksToClose (): boolean {
    const { closeFor } = this.#terms
    return closeFor !== undefined && !(closeFor === 'non_persistent' && hasBytes(this.#request.body))
  }

  #noteHead (status: number, { minor, signal }: ResponseHead): void {
    this.#status = status
    this.#signal = signal
    this.#connection.saidVersion(minor)
  }

  // A sink that throws has given the response up.
  #sinkThrew (cause: unknown): void {
    this.#give(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause }), 'client_gone')
  }

  #give (error: HoldfastError, reason: CloseReason | undefined): void {
    if (this.#over || this.#given !== undefined) return
    this.#given = { error, reason }
    if (this.#parsing) this.#parser?.stop()
    else this.#fail(error, reason, false)
  }

  /** Ends the exchange after the parser's run in which the response ended or failed. */
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
    // Bytes after the response answer no request.
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
      this.#sink.failed({ error, lost, reused: this.#terms.reused, writeBegun: this.#writeBegun, responseStarted, unusedTimeout: this.#unusedTimeout })
    } catch (thrown) {
      warnOf(thrown)
    }
  }

  /** Releases everything except the sink, which still gets its last call. */
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
  get #requestSent (): boolean {
    return this.#requestWritten && !this.#connection.writeFailed && !this.#connection.writePending
  }

  #closeReason (spent: boolean): CloseReason | undefined {
    if (!this.#requestSent) return 'early_response'
    if (this.#terms.closeFor !== undefined) return this.#terms.closeFor
    return this.#signal!.persistent && !spent ? undefined : 'connection_close'
  }

  #view (upgraded: boolean): ResponseView {
    return {
      signal: this.#signal!,
      status: this.#status,
      asked: this.#terms.closeFor === undefined ? 'keep-alive' : 'close',
      requestSent: this.#requestSent,
      clientGone: this.#given?.reason === 'client_gone',
      upgraded,
      withBody: hasBytes(this.#request.body)
    }
  }
}

// The connection is settled before a sink's last call, so an error that the sink throws there becomes a warning.
function warnOf (thrown: unknown): void {
  process.emitWarning(thrown as Error)
}
