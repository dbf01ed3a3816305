import { AsyncResource } from 'node:async_hooks'
import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClientConnection } from '../connection/bindings.js'
import type { CloseReason, Provenance } from '../connection/observer.js'
import { HoldfastError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import { onClientGone, tellsOfItsEnd } from './client-exchange.js'
import { cut } from './cut.js'
import { takesHint } from './early-hints.js'
import { hasHeader, responseHeaders } from '../http/headers.js'
import type { HeaderList, HeaderRecord } from '../http/headers.js'
import { hopsIn } from '../http/hops.js'
import { sendHeadAsLatin1 } from '../quirks/node-http-head.js'
import { contentLength, hasBody, isBrokenOff, isHttp2 } from '../http/message-body.js'
import { proxyErrorType, withProxyStatus } from '../http/proxy-status.js'
import type { ProxyStatus } from '../http/proxy-status.js'
import { metHeaders } from './reply-headers.js'
import { lowerCased } from '../http/response-head.js'
import type { ResponseHead } from '../http/response-head.js'
import { StreamedBody } from '../http/streamed-body.js'
import { upgradeHeaders } from '../http/websocket.js'
import type { ResolvedRouteOptions } from '../options/route-options.js'
import type { Call, CallHandler } from '../target/call.js'
import { provenanceWords } from '../target/provenance.js'
import { isIdempotent } from '../target/retry.js'
import type { TargetClaim } from '../target/target-core.js'
import { internalsOf } from '../target/target.js'
import type { Target } from '../target/target.js'
import { ClientBody } from './client-body.js'
import type { ClientBodyOwner, CollectedBody } from './client-body.js'
import { bodyOf, headersOf, pathOf } from './outgoing.js'
import { Relay } from './relay.js'
import type { RelayOwner } from './relay.js'
import { logProvenance } from './request-log.js'
import type { ResponseStream } from './response-stream.js'
import type { Upgrade } from './upgrade.js'

/** What @fastify/reply-from takes for one request, with its meaning there. */
export interface FromOptions {
  method?: string
  /** Sent in place of the client's body: JSON, unless `contentType` says otherwise; null for none. */
  body?: unknown
  contentType?: string
  queryString?: Record<string, unknown> | ((search: string | undefined, url: string, request: FastifyRequest) => string)
  /** For the response's head and between pieces of its body, in ms; default: the target's. */
  timeout?: number
  rewriteRequestHeaders?: (request: FastifyRequest, headers: Record<string, unknown>) => Record<string, unknown>
  onResponse?: (request: FastifyRequest, reply: FastifyReply, response: { statusCode: number, headers: HeaderRecord, stream: ResponseStream }) => unknown
  onError?: (reply: FastifyReply, error: { error: Error }) => unknown
  getUpstream?: (request: FastifyRequest, base: string) => string
}

/** What a route decides once, for all its requests. */
export interface ForwardRoute {
  readonly options: ResolvedRouteOptions
  readonly maxHops: number
  /** Media types besides application/json whose parsed body is written as JSON. */
  readonly jsonTypes: ReadonlySet<string>
  /** The target of one request. */
  targetOf (request: FastifyRequest, options: FromOptions): Target
  /** Whether `rewriteHeaders` gives them to a function of the user's, which may return an object that it keeps. */
  readonly rewritesHeaders: boolean
  /** The user's change to the response's headers, and that of Location. */
  rewriteHeaders (headers: HeaderRecord, request: FastifyRequest): HeaderRecord
}

/**
 * Takes one request to its target and the response back; with an upgrade, asks for that, and what is no 101 is a response like
 * any other. Throws what is wrong with the request before anything is sent.
 */
export function forward (route: ForwardRoute, request: FastifyRequest, reply: FastifyReply, dest: string, options: FromOptions, upgrade?: Upgrade): void {
  sendHeadAsLatin1(reply.raw)
  let forwarding: Forward | undefined
  try {
    forwarding = new Forward(route, request, reply, options, upgrade)
    forwarding.start(dest)
  } catch (error) {
    forwarding?.abandon()
    if (route.options.proxyStatus) reply.header('proxy-status', withProxyStatus(undefined, { error: proxyErrorType(error, false) }))
    throw error
  }
}

const kForward = Symbol('holdfast.forward')
type TrackedResponse = ServerResponse & { [kForward]?: Forward }

/**
 * How the request of a proxied reply has travelled so far: for an app's `onSend` and `onResponse` hooks. Undefined where nothing was
 * asked of a target, as for a route of the app's own, or a request that was refused before.
 */
export function provenanceOf (reply: FastifyReply): Provenance | undefined {
  return (reply.raw as TrackedResponse)[kForward]?.provenance
}

/** A request whose body is about to be read. */
interface Outgoing { readonly method: string, readonly path: string, readonly headers: HeaderList, readonly length: number | undefined }

class Forward implements CallHandler, RelayOwner, ClientBodyOwner, TargetClaim {
  readonly #route: ForwardRoute
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #options: FromOptions
  readonly #target: Target
  readonly #upgrade: Upgrade | undefined
  // What hooks see is to be the context of their own request, whichever socket calls back.
  readonly #scope = new AsyncResource('holdfast.forward')
  #body: ClientBody | undefined
  #outgoing: Outgoing | undefined
  #call: Call | undefined
  #relay: Relay | undefined
  #totalTimer: NodeJS.Timeout | undefined
  #unlisten: (() => void) | undefined
  #failure: ErrorCode | undefined
  #hints = 0
  #over = false
  /** Among the claims of its target. */
  place = 0

  constructor (route: ForwardRoute, request: FastifyRequest, reply: FastifyReply, options: FromOptions, upgrade: Upgrade | undefined) {
    this.#route = route
    this.#request = request
    this.#reply = reply
    this.#options = options
    this.#upgrade = upgrade
    this.#target = route.targetOf(request, options)
  }

  get provenance (): Provenance | undefined {
    return this.#call?.provenance(this.#failure)
  }

  start (dest: string): void {
    const request = this.#request
    const raw = request.raw
    if (hopsIn(raw.headers.via, raw.headers['cdn-loop']) >= this.#route.maxHops) throw new HoldfastError('HOLDFAST_ERR_LOOP')
    const method = this.#options.method ?? raw.method!
    const { origin } = this.#target
    const path = pathOf(dest, request, this.#options, origin)
    const body = bodyOf(method, request, this.#options, this.#route.jsonTypes)
    // Step 3: build.
    const headers = headersOf(body, request, this.#options, origin, this.#route.options.via)
    const response = this.#reply.raw as TrackedResponse
    response[kForward] = this
    internalsOf(this.#target).claim(this)
    // Most often nothing is made for it.
    if (tellsOfItsEnd(raw, response)) response.on('close', onResponseClose)
    else this.#unlisten = onClientGone(raw, response, () => this.clientClosed())
    const { totalTimeout } = this.#route.options
    if (totalTimeout > 0) this.#totalTimer = setTimeout(() => this.#timeOut(), totalTimeout)
    // Step 4: collect.
    if (!(body.content instanceof Readable)) {
      this.#send(method, path, headers, body.content)
      return
    }
    const { content } = body
    const declared = contentLength(raw)
    const { bodyLimit, clientBodyTimeout, clientMinRate } = this.#route.options
    if (bodyLimit > 0 && declared !== undefined && declared > bodyLimit) return this.failed(new HoldfastError('HOLDFAST_ERR_BODY_LIMIT'))
    // What a hook has put in place of the client's body is of another length.
    const length = content === raw ? declared : undefined
    this.#outgoing = { method, path, headers, length }
    this.#body = new ClientBody(content, {
      length,
      replayLimit: this.#target.options.retry.replayLimit,
      bodyLimit,
      timeout: clientBodyTimeout,
      minRate: clientMinRate,
      isBrokenOff: () => isBrokenOff(raw),
      multiplexed: isHttp2(raw)
    }, this)
    this.#body.start()
  }

  collected (body: CollectedBody): void {
    this.#inScope(this.#sendCollected, body)
  }

  #sendCollected (body: CollectedBody): void {
    const { method, path, headers, length } = this.#outgoing!
    this.#send(method, path, headers, body, length)
  }

  bodyFailed (error: Error): void {
    if (!(error instanceof HoldfastError)) return this.#inScope(this.#giveUp, error)
    this.#call?.abort(error, error.blame === 'client' ? 'client_gone' : 'timeout')
    this.failed(error)
  }

  /** The client has gone, or has its answer. */
  clientClosed (): void {
    if (!this.#over) {
      this.#abandon(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
      logProvenance(this.#reply, 'info', this)
    }
    // Also of a response that is here whole: a hook may have put another in its place, or its turn on the socket never came.
    this.#relay?.abandon()
  }

  targetDestroyed (): void {
    const error = new HoldfastError('HOLDFAST_ERR_DRAINING')
    this.#call?.abort(error, 'drained')
    this.failed(error)
  }

  /** Ends it without an answer: that is its caller's. */
  abandon (): void {
    this.#stopListening()
    this.#abandon(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
  }

  relayWantsMore (): void {
    this.#call!.resume()
  }

  relayAbandoned (): void {
    this.clientClosed()
  }

  informed (status: number, lines: string[]): void {
    const { raw: response, sent } = this.#reply
    if (status !== 103 || !this.#route.options.earlyHints || sent || response.headersSent) return
    // RFC 9110 section 15.2: an HTTP/1.0 client knows no 1xx.
    if (this.#request.raw.httpVersion !== '1.1' || !takesHint(response, this.#hints)) return
    this.#hints++
    try {
      response.writeEarlyHints(responseHeaders(lowerCased(lines), this.#route.options.via))
    } catch {
      // Node writes none without a Link that it can read; a hint is nobody's due.
    }
  }

  // Step 8: relay.
  responded (status: number, head: ResponseHead): void {
    this.#body?.answered()
    this.#inScope(this.#relayHead, status, head)
  }

  #relayHead (status: number, { list, signal }: ResponseHead): void {
    const reply = this.#reply
    if (reply.sent) {
      this.#abandon(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
      return
    }
    const headers = this.#route.rewriteHeaders(responseHeaders(list, this.#route.options.via), this.#request)
    const message = this.#request.raw
    if (this.#route.options.proxyStatus) headers['proxy-status'] = this.#proxyStatus(headers['proxy-status'], { receivedStatus: status })
    // Now, and not once all of it is here: an app that answers in its own way need not wait for that.
    logProvenance(reply, 'info', this)
    // The rest of an upload that the backend did not wait for has to be read by nobody: the connection ends with the answer.
    if (!message.complete && message.httpVersionMajor === 1) headers['connection'] = 'close'
    // A backend that refuses and says close reads no more, and may be about to reset; any other may answer as it reads.
    if (status >= 400 && !signal.persistent) this.#body?.refused()
    const relay = this.#relay = new Relay(reply, { buffer: this.#route.options.responseBuffer, clientTimeout: this.#clientTimeout, scope: this.#scope }, this)
    if (this.#options.onResponse === undefined) {
      relay.head(status, headers, !this.#route.rewritesHeaders)
      return
    }
    const stream = relay.headFor(status, headers)
    this.#heed(this.#options.onResponse(this.#request, reply, { statusCode: status, headers, stream }))
  }

  data (chunk: Buffer): boolean {
    try {
      return this.#relay!.data(chunk)
    } catch (error) {
      // What reads the body in an `onResponse` has thrown.
      this.#giveUp(error)
      return true
    }
  }

  goesOn (): void {
    this.#inScope(this.#streamRelay)
  }

  #streamRelay (): void {
    this.#relay?.goesOn()
  }

  ended (): void {
    this.#end()
    this.#inScope(this.#endRelay)
  }

  #endRelay (): void {
    this.#relay?.end()
  }

  upgraded (status: number, head: ResponseHead, socket: Duplex): void {
    this.#inScope(this.#open, status, head, socket)
  }

  #open (status: number, { list }: ResponseHead, socket: Duplex): void {
    const reply = this.#reply
    try {
      const headers = upgradeHeaders(this.#route.rewriteHeaders(responseHeaders(list, this.#route.options.via), this.#request), list)
      if (this.#route.options.proxyStatus) headers['proxy-status'] = this.#proxyStatus(headers['proxy-status'], { receivedStatus: status })
      logProvenance(reply, 'info', this)
      const met = metHeaders(reply, headers)
      this.#upgrade!.open({ ...reply.getHeaders() as HeaderRecord, ...met }, socket as Socket, this.#route.options.tunnelIdleTimeout)
    } catch (error) {
      socket.destroy()
      if (error instanceof HoldfastError) this.failed(error)
      else this.#giveUp(error)
      return
    }
    this.#end()
    // Nothing is sent by this response any more.
    this.#stopListening()
    reply.hijack()
  }

  bodySent (): void {}
  requestSent (): void {}

  failed (error: HoldfastError, responseStarted = false): void {
    if (!this.#end()) return
    this.#failure = error.code
    this.#inScope(this.#answerFailure, error, responseStarted)
  }

  #answerFailure (error: HoldfastError, responseStarted: boolean): void {
    logProvenance(this.#reply, 'error', this)
    const reply = this.#reply
    const relay = this.#relay
    if (relay?.cut(error) === true) return
    if (reply.sent) {
      // What has hijacked the reply may be reading its stream.
      relay?.abandon(error)
      return
    }
    this.#tellFailure(error, responseStarted)
    if (error.blame === 'client') this.#closeClient()
    else this.#closeUnread()
    // Where the app has the response already, be it in a hook, its stream tells it.
    if (relay?.fail(error) === true) return
    if (this.#options.onError === undefined) reply.send(error)
    else this.#heed(this.#options.onError(reply, { error }))
  }

  #send (method: string, path: string, headers: HeaderList, body: CollectedBody | string | null, length?: number): void {
    const { timeout } = this.#options
    const { headersTimeout, bodyTimeout } = this.#target.options.undiciOptions
    const call = this.#call = internalsOf(this.#target).call({
      method,
      path,
      headers,
      body,
      length,
      headersTimeout: timeout ?? headersTimeout,
      bodyTimeout: timeout ?? bodyTimeout,
      upgrade: this.#upgrade === undefined ? undefined : 'websocket',
      idempotent: isIdempotent(method) || hasHeader(headers, 'idempotency-key'),
      replayable: !(body instanceof StreamedBody),
      askClose: false,
      clientConnection: clientConnectionOf(this.#request.raw)
    }, this)
    // Steps 5 to 7 and 9 are the target's.
    call.start()
  }

  /** How long a client may leave a response unread, in ms: as long as a backend may leave it unsent. */
  get #clientTimeout (): number {
    return this.#options.timeout ?? this.#target.options.undiciOptions.bodyTimeout
  }

  #timeOut (): void {
    const error = new HoldfastError('HOLDFAST_ERR_TOTAL_TIMEOUT')
    this.#call?.abort(error, 'timeout')
    this.failed(error)
  }

  /** Runs what may come to the app's hooks in the context of their request. What they throw is the app's to answer. */
  #inScope<A, B, C> (step: (a: A, b: B, c: C) => void, a?: A, b?: B, c?: C): void {
    try {
      this.#scope.runInAsyncScope(step, this, a as A, b as B, c as C)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  /** A user's function may be async, though nothing waits for it. */
  #heed (result: unknown): void {
    // A reply is a thenable of Fastify's, for those who await it.
    if (result === this.#reply || typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') return
    (result as PromiseLike<unknown>).then(undefined, (error: unknown) => {
      const { raw, log } = this.#reply
      // What is on its way needs nothing of it.
      if (raw.headersSent) log.error({ err: error }, 'a function of the app failed after its response had begun')
      else this.#inScope(this.#giveUp, error)
    })
  }

  // What a user's hook throws is the app's to answer, and says nothing of the backend.
  #giveUp (thrown: unknown): void {
    const reply = this.#reply
    this.#abandon(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause: thrown }))
    this.#failure = thrown instanceof HoldfastError ? thrown.code : undefined
    logProvenance(reply, 'error', this)
    // Fastify would send what is no error as an answer.
    const error = thrown instanceof Error ? thrown : new Error('a function of the app threw what is no error', { cause: thrown })
    if (this.#relay?.cut(error) === true) return
    if (reply.sent) {
      this.#relay?.abandon(error)
      if (reply.raw.writableEnded) return
      // It has hijacked the reply, and will send nothing now.
      reply.log.error({ err: error }, 'a function of the app failed after it had hijacked its reply')
      cut(reply.raw)
      return
    }
    this.#closeUnread()
    this.#tellFailure(error, true)
    this.#relay?.withdraw()
    this.#relay?.abandon()
    try {
      reply.send(error)
    } catch (cause) {
      reply.log.error({ err: cause }, 'an error could not be answered')
      cut(reply.raw)
    }
  }

  #tellFailure (error: unknown, responseStarted: boolean): void {
    if (!this.#route.options.proxyStatus) return
    this.#reply.header('proxy-status', this.#proxyStatus(undefined, { error: proxyErrorType(error, responseStarted) }))
  }

  #proxyStatus (before: string | string[] | undefined, status: ProxyStatus): string {
    const { provenance } = this
    return withProxyStatus(before, { ...status, details: provenance === undefined ? undefined : provenanceWords(provenance) })
  }

  // Node reads what is left of a body only where nobody has begun to; left as it is, the client's next request would never be read.
  #closeUnread (): void {
    const { raw } = this.#request
    if (!raw.complete && hasBody(raw)) this.#closeClient()
  }

  #closeClient (): void {
    if (this.#request.raw.httpVersionMajor === 1) this.#reply.header('connection', 'close')
  }

  /** Gives the request up. Returns false where it was over already. */
  #abandon (error: HoldfastError, reason: CloseReason = 'client_gone'): boolean {
    if (!this.#end()) return false
    this.#failure = error.code
    this.#call?.abort(error, reason)
    return true
  }

  #stopListening (): void {
    this.#unlisten?.()
    this.#reply.raw.off('close', onResponseClose)
  }

  /** Where a forwarding ends, whatever ends it: frees all that it holds. Returns false where it had ended before. */
  #end (): boolean {
    if (this.#over) return false
    this.#over = true
    clearTimeout(this.#totalTimer)
    this.#body?.release()
    internalsOf(this.#target).release(this)
    return true
  }
}

function onResponseClose (this: TrackedResponse): void {
  this[kForward]?.clientClosed()
}

// Over HTTP/2, a session.
function clientConnectionOf (message: IncomingMessage): ClientConnection | undefined {
  return isHttp2(message) ? message.stream.session : message.socket
}
