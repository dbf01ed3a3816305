import { channel } from 'node:diagnostics_channel'
import type { Duplex, Readable } from 'node:stream'
import { errors } from 'undici'
import type { Dispatcher } from 'undici'
import { HoldfastError } from '../errors.js'
import type { PersistenceSignal } from '../http/connection-signal.js'
import { HeldBody } from '../http/held-body.js'
import { ResponseHead } from '../http/response-head.js'
import { StreamedBody } from '../http/streamed-body.js'
import { CONSTANT_SERVERNAME, RESET, UNASKED } from './connection.js'
import type { Connection } from './connection.js'
import type { CloseReason, ResponseView } from './observer.js'

/** A request as it is written on a connection. */
export interface ExchangeRequest {
  readonly method: string
  readonly path: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: string | Uint8Array | HeldBody | StreamedBody | Readable | null
  /** The length of the body in bytes, where no header says it; undefined: as the body tells. */
  readonly length?: number | undefined
  readonly headersTimeout: number
  readonly bodyTimeout: number
  readonly upgrade: string | undefined
}

/** Whether a request has a body. One that is here and empty is none. */
export function hasBody ({ body }: Pick<ExchangeRequest, 'body'>): boolean {
  if (body === null || body === undefined) return false
  return (body as { length?: number }).length !== 0 && (body as { size?: number }).size !== 0
}

/** How an exchange is to go. */
export interface ExchangeTerms {
  /** Whether the connection has lain in the pool. */
  readonly reused: boolean
  /** Why the connection ends with this exchange; the request says `Connection: close` then. */
  readonly closeFor: CloseReason | undefined
  /** Whether the request may be sent again after an answer that is none. */
  readonly retryable: boolean
  /**
   * How long the connection is watched before the request is written, in ms; 0 is until all that has come by now is read, which takes a turn
   * of the event loop besides the one that undici waits. Undefined where the request can be sent again.
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
  /** Whether undici had begun to write the request. */
  readonly written: boolean
  /** Whether any byte of a response had come. */
  readonly responseStarted: boolean
  /** Whether the backend said 408 and close to a connection that had never been used: it had not seen the request. */
  readonly unusedTimeout: boolean
}

/** Where a response goes. After `ended`, `upgraded` or `failed`, of which exactly one comes, nothing is called any more. */
export interface ExchangeSink {
  informed (status: number, headers: Buffer[]): void
  responded (status: number, head: ResponseHead, statusText: string): void
  /** Returns false to have the response paused until `Exchange.resume()`. */
  data (chunk: Buffer): boolean
  ended (trailers: Buffer[]): void
  upgraded (status: number, head: ResponseHead, socket: Duplex): void
  failed (failure: Failure): void
  bodySent (chunk: Buffer): void
  requestSent (): void
}

/** Who takes the connection back, with what its exchange found out. */
export interface ExchangeOwner {
  /** `reason` is undefined where the connection may carry another request. */
  exchangeEnded (connection: Connection, reason: CloseReason | undefined, response: ResponseView | undefined): void
  exchangeUpgraded (connection: Connection, response: ResponseView, socket: Duplex): void
}

// Go's client takes five. A backend that says 102 every half second until the default deadline needs 110.
const MOST_INTERIM = 128

/** One request on one connection. Speaks undici's legacy handler dialect: raw header buffers, and nothing built twice. */
export class Exchange {
  readonly #connection: Connection
  readonly #owner: ExchangeOwner
  readonly #sink: ExchangeSink
  readonly #terms: ExchangeTerms
  readonly #isHead: boolean
  readonly #withBody: boolean
  #abort: ((error: Error) => void) | undefined
  #resume: (() => void) | undefined
  #paused = false
  #written = false
  #requestSent = false
  #responseStarted = false
  #unusedTimeout = false
  /** The sink has had its last call. */
  #over = false
  #status = 0
  #interim = 0
  #signal: PersistenceSignal | undefined
  /** Bytes of the body that have not come, on a connection that ends with them. */
  #left: number | undefined
  #endedEarly = false
  #dispatched = false
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined
  #given: { error: HoldfastError, reason: CloseReason } | undefined
  readonly #headersTimeout: number
  /** 0 = none, as for an event stream, which may be silent for as long as it likes. */
  #bodyTimeout: number
  /** Something has moved since the last look at the deadlines. */
  #moved = true
  #quietSince = 0

  constructor (connection: Connection, owner: ExchangeOwner, sink: ExchangeSink, request: ExchangeRequest, terms: ExchangeTerms) {
    this.#connection = connection
    this.#owner = owner
    this.#sink = sink
    this.#terms = terms
    this.#isHead = request.method === 'HEAD'
    this.#withBody = hasBody(request)
    this.#headersTimeout = request.headersTimeout
    this.#bodyTimeout = request.bodyTimeout
    connection.exchange = this
    connection.method = request.method
    if (terms.watch === undefined) this.#dispatch(request)
    else this.#watch(request, terms.watch)
  }

  // What is read meanwhile, a FIN above all, ends the connection before anything is written.
  #watch (request: ExchangeRequest, ms: number): void {
    const turn = (): void => { this.#turn = setImmediate(() => this.#dispatch(request)) }
    if (ms > 0) this.#timer = setTimeout(turn, ms)
    else turn()
  }

  #dispatch (request: ExchangeRequest): void {
    this.#dispatched = true
    this.#connection.dispatch({
      method: request.method as Dispatcher.HttpMethod,
      path: request.path,
      headers: request.length === undefined ? request.headers : [...request.headers, 'content-length', String(request.length)],
      body: request.body instanceof HeldBody || request.body instanceof StreamedBody ? request.body.stream() : request.body,
      // Ours are kept by `checkDeadline`: undici's begin anew with each 1xx, and know no event streams.
      headersTimeout: 0,
      bodyTimeout: 0,
      // An explicit value: undici closes after HEAD, and after DELETE or OPTIONS with a body, unless told otherwise.
      reset: this.#terms.closeFor !== undefined,
      upgrade: request.upgrade,
      servername: CONSTANT_SERVERNAME
    } as Dispatcher.DispatchOptions, this as unknown as Dispatcher.DispatchHandler)
  }

  /** Gives the exchange up: its connection is closed for `reason`, its sink fails with `error`. */
  abort (error: HoldfastError, reason: CloseReason): void {
    if (this.#given !== undefined) return
    this.#given = { error, reason }
    if (!this.#dispatched) {
      clearTimeout(this.#timer)
      clearImmediate(this.#turn)
      this.#connection.destroy()
      queueMicrotask(() => this.onError(error))
    } else if (this.#abort !== undefined) this.#abort(error)
    // Not begun yet: undici waits one turn before it reuses a connection. Ending the connection takes the request out.
    else this.#connection.destroy()
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
    const limit = forHead ? this.#headersTimeout : this.#bodyTimeout
    if (limit === 0 || now - this.#quietSince < limit) return
    this.abort(new HoldfastError(forHead ? 'HOLDFAST_ERR_HEADERS_TIMEOUT' : 'HOLDFAST_ERR_BODY_TIMEOUT'), 'timeout')
  }

  /** Lets a paused response go on. */
  resume (): void {
    if (!this.#paused) return
    this.#paused = false
    // undici cannot resume one response while it reads another, which is where its receiver may be calling from.
    queueMicrotask(() => {
      // Meanwhile the connection may serve another exchange, or this one be paused again.
      if (this.#over || this.#paused) return
      this.#connection.letEnd()
      this.#resume!()
    })
  }

  onConnect (abort: (error: Error) => void): void {
    this.#written = true
    this.#connection.asked = true
    this.#abort = abort
  }

  onBodySent (chunk: Buffer): void {
    this.#moved = true
    if (!this.#over) this.#sink.bodySent(chunk)
  }

  onRequestSent (): void {
    this.#requestSent = this.#moved = true
    if (!this.#over) this.#sink.requestSent()
  }

  onResponseStarted (): void {
    this.#responseStarted = true
  }

  onHeaders (status: number, headers: Buffer[], resume: () => void, statusText: string): boolean {
    if (status < 200) {
      // A 101 that was not asked for, which undici lets pass where it does not say `Upgrade`; or interim responses without an end.
      if (status === 101 || ++this.#interim > MOST_INTERIM) this.abort(new HoldfastError('HOLDFAST_ERR_INVALID_RESPONSE'), 'invalid_response')
      else this.#sink.informed(status, headers)
      return true
    }
    const head = new ResponseHead(this.#connection.minor, headers)
    if (status > 599 || head.oddlyCoded) {
      this.abort(new HoldfastError('HOLDFAST_ERR_INVALID_RESPONSE'), 'invalid_response')
      return true
    }
    const signal = this.#signal = head.signal
    this.#status = status
    this.#moved = true
    if (head.isEventStream) this.#bodyTimeout = 0
    if (status === 408 && !signal.persistent && this.#terms.reused && this.#terms.retryable && this.#connection.served === 0) {
      this.#unusedTimeout = true
      this.abort(new HoldfastError('HOLDFAST_ERR_CONNECTION_LOST'), 'connection_close')
      return true
    }
    this.#resume = resume
    if (this.#terms.closeFor !== undefined || !signal.persistent) this.#left = head.contentLength
    this.#sink.responded(status, head, statusText)
    // These have no body whatever their headers say (RFC 9112 section 6.3); undici fails a 304 whose Content-Length is
    // that of the body it stands for, so the response is over before undici can say so.
    if (this.#bodiless) this.#finish([])
    return true
  }

  onData (chunk: Buffer): boolean {
    this.#moved = true
    // undici flushes its parser with nothing, when the socket's end may be on its way: no time for a pause.
    if (this.#over || chunk.length === 0) return true
    const more = this.#sink.data(chunk)
    if (this.#left !== undefined) this.#left -= chunk.length
    if (more) return !this.#endEarly()
    this.#paused = true
    this.#connection.holdEnd()
    return false
  }

  onComplete (trailers: Buffer[]): void {
    const connection = this.#connection
    // A body that ends with its connection, and the connection by a reset: nobody knows whether that is all of it.
    if (connection.endedByReset && !this.#over) return this.onError(Object.assign(new Error('read ECONNRESET'), { code: RESET }))
    connection.served++
    connection.asked = false
    connection.bodiless = this.#bodiless
    const reason = this.#closeReason()
    this.#owner.exchangeEnded(connection, reason, this.#view(false))
    this.#finish(trailers)
    // Whoever still writes the request waits for undici's error.
    if (reason !== undefined && this.#requestSent) connection.endSocket()
  }

  // With the last byte of the body, and its parser left where it is: at the end of the message undici would make an error to end the socket
  // with, whose stack is a twentieth of a request's time where each has a connection of its own. Whoever listens to undici would hear of an error, or of no end.
  #endEarly (): boolean {
    if (this.#over || this.#left !== 0 || !this.#requestSent || this.#connection.finRead) return false
    if (UNDICI_ERRORS.hasSubscribers || UNDICI_TRAILERS.hasSubscribers) return false
    this.#endedEarly = true
    this.onComplete([])
    return true
  }

  onUpgrade (status: number, headers: Buffer[], socket: Duplex): void {
    this.#over = true
    this.#status = status
    const head = new ResponseHead(this.#connection.minor, headers)
    this.#signal = head.signal
    this.#connection.served++
    this.#owner.exchangeUpgraded(this.#connection, this.#view(true), socket)
    this.#sink.upgraded(status, head, socket)
  }

  onError (cause: Error): void {
    if (this.#endedEarly) return
    const { error, reason } = this.#given ?? classify(cause, { connection: this.#connection, written: this.#written, requestSent: this.#requestSent })
    const lost = this.#given === undefined && reason === 'backend_active'
    // It was closed before anything was asked of it, whatever it was taken for.
    const before = lost && !this.#written && this.#terms.reused
    const closeReason = this.#over ? 'undici_limit' : !before ? reason : this.#connection.endedBy === 'unexpected_data' ? 'unexpected_data' : 'backend_idle'
    this.#owner.exchangeEnded(this.#connection, closeReason, this.#status === 0 ? undefined : this.#view(false))
    if (this.#over) return
    this.#over = true
    this.#sink.failed({
      error,
      lost,
      reused: this.#terms.reused,
      written: this.#written,
      // A parser error is an answer, if not one that can be read.
      responseStarted: this.#responseStarted || reason === 'invalid_response',
      unusedTimeout: this.#unusedTimeout
    })
  }

  get #bodiless (): boolean {
    return this.#status === 204 || this.#status === 304 || this.#isHead
  }

  #finish (trailers: Buffer[]): void {
    if (this.#over) return
    this.#over = true
    this.#sink.ended(trailers)
  }

  #closeReason (): CloseReason | undefined {
    if (!this.#requestSent) return 'early_response'
    if (this.#terms.closeFor !== undefined) return this.#terms.closeFor
    return this.#signal!.persistent ? undefined : 'connection_close'
  }

  #view (upgraded: boolean): ResponseView {
    return {
      signal: this.#signal!,
      status: this.#status,
      asked: this.#terms.closeFor === undefined ? 'keep-alive' : 'close',
      requestSent: this.#requestSent,
      clientGone: this.#given?.reason === 'client_gone',
      upgraded,
      withBody: this.#withBody
    }
  }
}

const UNDICI_ERRORS = channel('undici:request:error')
const UNDICI_TRAILERS = channel('undici:request:trailers')
const LOST = new Set(['UND_ERR_SOCKET', RESET, UNASKED, 'EPIPE', 'HOLDFAST_GONE', 'ECONNABORTED', 'ETIMEDOUT'])
const INVALID = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'])
// undici's words for answers that it could read and cannot accept: bytes out of turn, an unsolicited 100 or 101.
const BAD_WORDS = new Set(['bad response', 'bad upgrade'])
const UNSENDABLE = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'])

type Verdict = { error: HoldfastError, reason: CloseReason | undefined }

function classify (cause: Error & { code?: string }, on: { connection: Connection, written: boolean, requestSent: boolean }): Verdict {
  if (cause instanceof HoldfastError) return { error: cause, reason: cause.blame === 'client' ? 'client_gone' : 'error' }
  const code = cause.code ?? ''
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return { error: new HoldfastError('HOLDFAST_ERR_RESPONSE_TOO_LARGE', { cause }), reason: 'invalid_response' }
  // The backend's end can be read only after all that it sent: whatever undici calls it then, the response was cut short.
  if (on.connection.finRead) return { error: new HoldfastError('HOLDFAST_ERR_CONNECTION_LOST', { cause }), reason: 'backend_active' }
  if (cause instanceof errors.HTTPParserError || INVALID.has(code) || BAD_WORDS.has(cause.message)) {
    return { error: new HoldfastError('HOLDFAST_ERR_INVALID_RESPONSE', { cause }), reason: 'invalid_response' }
  }
  // undici refused the request itself; unless it had begun to write it, the connection is as good as before.
  if (UNSENDABLE.has(code)) return { error: new HoldfastError('HOLDFAST_ERR_UNSENDABLE', { cause }), reason: on.written ? 'error' : undefined }
  // Nobody but its pool destroys a connection under an exchange.
  if (code === 'UND_ERR_DESTROYED') return { error: new HoldfastError('HOLDFAST_ERR_DRAINING', { cause }), reason: 'drained' }
  // A request's body that fails fails with any error, a lost connection of its own source among them. This one stands.
  if (!on.requestSent && on.connection.endedBy === undefined) return { error: new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause }), reason: 'client_gone' }
  return { error: new HoldfastError('HOLDFAST_ERR_CONNECTION_LOST', { cause }), reason: LOST.has(code) ? 'backend_active' : 'error' }
}
