import { AsyncResource } from 'node:async_hooks'
import { stringify } from 'node:querystring'
import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CloseReason, Provenance } from '../connection/observer.js'
import { HoldfastError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import { hopsIn, requestHeaders, responseHeaders, toHeaderList, toHeaderRecord } from '../http/headers.js'
import type { HeaderList, HeaderRecord } from '../http/headers.js'
import { HeldBody } from '../http/held-body.js'
import { proxyErrorType, withProxyStatus } from '../http/proxy-status.js'
import type { ProxyStatus } from '../http/proxy-status.js'
import { decoded } from '../http/response-head.js'
import type { ResponseHead } from '../http/response-head.js'
import { upgradeHeaders } from '../http/websocket.js'
import type { ResolvedRouteOptions } from '../options.js'
import type { Call, CallHandler } from '../target/call.js'
import { provenanceWords } from '../target/provenance.js'
import { isIdempotent } from '../target/retry.js'
import type { Target } from '../target/target.js'
import { BodyCollector } from './client-body.js'
import type { CollectedBody } from './client-body.js'
import { Relay } from './relay.js'
import type { RelayOwner } from './relay.js'
import { logProvenance } from './request-log.js'
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
  onResponse?: (request: FastifyRequest, reply: FastifyReply, response: { statusCode: number, headers: HeaderRecord, stream: Readable }) => void
  onError?: (reply: FastifyReply, error: { error: Error }) => void
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
  /** The user's change to the response's headers, and that of Location. */
  rewriteHeaders (headers: HeaderRecord, request: FastifyRequest): HeaderRecord
}

/**
 * Takes one request to its target and the response back; with an upgrade, asks for that, and what is no 101 is a response like
 * any other. Throws what is wrong with the request before anything is sent.
 */
export function forward (route: ForwardRoute, request: FastifyRequest, reply: FastifyReply, dest: string, options: FromOptions, upgrade?: Upgrade): void {
  try {
    new Forward(route, request, reply, options, upgrade).start(dest)
  } catch (error) {
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

interface Body { readonly content: Readable | Buffer | string | null, readonly type: string | undefined }

class Forward implements CallHandler, RelayOwner {
  readonly #route: ForwardRoute
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #options: FromOptions
  readonly #target: Target
  readonly #upgrade: Upgrade | undefined
  // What hooks see is to be the context of their own request, whichever socket calls back.
  readonly #scope = new AsyncResource('holdfast.forward')
  #collector: BodyCollector | undefined
  #call: Call | undefined
  #relay: Relay | undefined
  #totalTimer: NodeJS.Timeout | undefined
  #failure: ErrorCode | undefined
  #over = false

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
    if (hopsIn(raw.headers.via) >= this.#route.maxHops) throw new HoldfastError('HOLDFAST_ERR_LOOP')
    const method = this.#options.method ?? raw.method!
    const path = this.#path(dest)
    const body = this.#body(method)
    // Step 3: build.
    const headers = this.#headers(body)
    const response = this.#reply.raw as TrackedResponse
    response[kForward] = this
    response.on('close', onClientClose)
    const { totalTimeout } = this.#route.options
    if (totalTimeout > 0) this.#totalTimer = setTimeout(() => this.#timeOut(), totalTimeout)
    // Step 4: collect.
    if (!(body.content instanceof Readable)) {
      this.#send(method, path, headers, body.content)
      return
    }
    const length = contentLength(raw)
    const { bodyLimit, clientBodyTimeout } = this.#route.options
    if (bodyLimit > 0 && length !== undefined && length > bodyLimit) return this.failed(new HoldfastError('HOLDFAST_ERR_BODY_LIMIT'))
    const { replayLimit } = this.#target.options.retry
    this.#collector = new BodyCollector(body.content, { length, replayLimit, bodyLimit, timeout: clientBodyTimeout }, (error, collected) => {
      if (error !== undefined) this.failed(error)
      else this.#scope.runInAsyncScope(this.#send, this, method, path, withLength(headers, collected!, length), collected!)
    })
  }

  /** The client has gone, or has its answer. */
  clientClosed (): void {
    if (this.#over) return
    this.#abandon(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'), 'client_gone')
    logProvenance(this.#reply, 'info', this)
  }

  relayWantsMore (): void {
    this.#call!.resume()
  }

  relayAbandoned (): void {
    this.clientClosed()
  }

  informed (status: number, raw: Buffer[]): void {
    const { raw: response, sent } = this.#reply
    if (status !== 103 || !this.#route.options.earlyHints || sent || response.headersSent) return
    // RFC 9110 section 15.2: an HTTP/1.0 client knows no 1xx.
    if (this.#request.raw.httpVersion !== '1.1') return
    try {
      response.writeEarlyHints(responseHeaders(decoded(raw)))
    } catch {
      // Node writes none without a Link that it can read; a hint is nobody's due.
    }
  }

  // Step 8: relay.
  responded (status: number, head: ResponseHead): void {
    this.#scope.runInAsyncScope(this.#relayHead, this, status, head)
  }

  #relayHead (status: number, { list }: ResponseHead): void {
    const reply = this.#reply
    if (reply.sent) return this.#abandon(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'), 'client_gone')
    let headers: HeaderRecord
    try {
      headers = this.#route.rewriteHeaders(responseHeaders(list), this.#request)
    } catch (error) {
      return this.#giveUp(error)
    }
    const message = this.#request.raw
    if (this.#route.options.proxyStatus) headers['proxy-status'] = this.#proxyStatus(headers['proxy-status'], { receivedStatus: status })
    // Now, and not once all of it is here: an app that answers in its own way need not wait for that.
    logProvenance(reply, 'info', this)
    // The rest of an upload that the backend did not wait for has to be read by nobody: the connection ends with the answer.
    if (!message.complete && message.httpVersionMajor === 1) headers['connection'] = 'close'
    // A backend that refuses need not read on, and may be about to reset; one that does not may answer as it reads.
    if (status >= 400) this.#collector?.abandon()
    const relay = this.#relay = new Relay(reply, { buffer: this.#route.options.responseBuffer, clientTimeout: this.#clientTimeout, scope: this.#scope }, this)
    if (this.#options.onResponse === undefined) {
      relay.head(status, headers)
      return
    }
    const stream = relay.headFor(status, headers)
    try {
      this.#options.onResponse(this.#request, reply, { statusCode: status, headers, stream })
    } catch (error) {
      this.#giveUp(error)
    }
  }

  data (chunk: Buffer): boolean {
    return this.#relay!.data(chunk)
  }

  ended (): void {
    this.#finish()
    this.#collector?.abandon()
    this.#relay?.end()
  }

  upgraded (status: number, head: ResponseHead, socket: Duplex): void {
    this.#scope.runInAsyncScope(this.#open, this, status, head, socket)
  }

  #open (status: number, { list }: ResponseHead, socket: Duplex): void {
    const reply = this.#reply
    try {
      const headers = upgradeHeaders(this.#route.rewriteHeaders(responseHeaders(list), this.#request), list)
      if (this.#route.options.proxyStatus) headers['proxy-status'] = this.#proxyStatus(headers['proxy-status'], { receivedStatus: status })
      logProvenance(reply, 'info', this)
      this.#upgrade!.open({ ...reply.getHeaders() as HeaderRecord, ...headers }, socket as Socket, this.#route.options.tunnelIdleTimeout)
    } catch (error) {
      socket.destroy()
      if (error instanceof HoldfastError) this.failed(error)
      else this.#giveUp(error)
      return
    }
    this.#finish()
    reply.hijack()
  }

  bodySent (): void {}
  requestSent (): void {}

  failed (error: HoldfastError, responseStarted = false): void {
    if (this.#over) return
    this.#finish()
    this.#failure = error.code
    this.#scope.runInAsyncScope(this.#answerFailure, this, error, responseStarted)
  }

  #answerFailure (error: HoldfastError, responseStarted: boolean): void {
    logProvenance(this.#reply, 'error', this)
    if (this.#relay?.fail(error) === true) return
    const reply = this.#reply
    if (reply.sent) return
    this.#tellFailure(error, responseStarted)
    if (error.blame === 'client') this.#closeClient()
    else this.#closeUnread()
    if (this.#options.onError === undefined) reply.send(error)
    else this.#options.onError(reply, { error })
  }

  #send (method: string, path: string, headers: HeaderList, body: CollectedBody | string | null): void {
    const { timeout } = this.#options
    const call = this.#call = this.#target.call({
      method,
      path,
      headers,
      body,
      headersTimeout: timeout,
      bodyTimeout: timeout,
      upgrade: this.#upgrade === undefined ? undefined : 'websocket',
      idempotent: isIdempotent(method) || this.#request.raw.headers['idempotency-key'] !== undefined,
      replayable: !(body instanceof Readable),
      askClose: false
    }, this)
    // Steps 5 to 7 and 9 are the target's.
    call.start()
  }

  #path (dest: string): string {
    const url = this.#request.raw.url!
    const question = url.indexOf('?')
    // http-proxy leaves nothing of `/prefix?query`, and reply-from would take the prefix for it.
    const path = dest === '' ? '/' : dest
    const absolute = PLAIN_PATH.test(path) ? path : normalized(path, this.#target.origin)
    const { queryString } = this.#options
    if (queryString === undefined) return question === -1 ? absolute : absolute + url.slice(question)
    const query = typeof queryString === 'function'
      // `search` is the destination's own in reply-from; http-proxy has taken it off by now.
      ? queryString('', url, this.#request)
      : stringify(queryString as Record<string, string>)
    return query === '' || query === undefined ? absolute : `${absolute}?${query}`
  }

  /** What is to be sent: the body given in the options, one that the app has parsed, or the client's own stream. */
  #body (method: string): Body {
    const { body: given, contentType } = this.#options
    const raw = this.#request.raw
    const bodyless = method === 'GET' || method === 'HEAD'
    if (given !== undefined) {
      if (given === null) return { content: null, type: '' }
      if (typeof (given as Readable).pipe === 'function') throw new Error('sending a new body as a stream is not supported yet')
      if (bodyless) throw new Error(`Rewriting the body when doing a ${method} is not allowed`)
      return contentType === undefined
        ? { content: JSON.stringify(given), type: 'application/json' }
        : { content: given as string | Buffer, type: contentType }
    }
    const parsed = this.#request.body
    if (parsed instanceof Readable) return { content: parsed, type: undefined }
    if (parsed === undefined || parsed === null || parsed === '') {
      // Fastify parses no body of a GET; what came with it goes on as it came (Elasticsearch needs that).
      const unread = !raw.readableEnded && hasBody(raw)
      return { content: unread && method === raw.method ? raw : null, type: undefined }
    }
    if (bodyless) throw new Error(`Rewriting the body when doing a ${method} is not allowed`)
    const type = raw.headers['content-type']?.split(';', 1)[0]!.trim().toLowerCase() ?? 'application/octet-stream'
    if (this.#route.jsonTypes.has(type)) return { content: JSON.stringify(parsed), type }
    if (typeof parsed === 'string' || parsed instanceof Uint8Array) return { content: parsed as string | Buffer, type }
    throw new Error(`A body of ${type} was parsed and cannot be written again; name it in contentTypesToEncode to have it sent as JSON`)
  }

  #headers ({ content, type }: Body): HeaderList {
    const request = this.#request
    const { raw } = request
    const { ips } = request
    let list = requestHeaders(raw.rawHeaders, raw.headers.connection, {
      peer: raw.socket?.remoteAddress,
      // Fastify trims the list at the first address that it does not trust: with more than one, it trusts the peer.
      trusted: ips !== undefined && ips.length > 1,
      host: request.host,
      protocol: request.protocol
    })
    if (type !== undefined) {
      list = withoutContentType(list)
      if (type !== '') list.push('content-type', type)
    }
    const { rewriteRequestHeaders } = this.#options
    if (rewriteRequestHeaders === undefined) return list
    const record: Record<string, unknown> = toHeaderRecord(list)
    record['host'] = this.#target.origin.slice(this.#target.origin.indexOf('//') + 2)
    // To be read, not to be changed: it follows from the body.
    const length = typeof content === 'string' || Buffer.isBuffer(content) ? Buffer.byteLength(content) : raw.headers['content-length']
    if (length !== undefined && content !== null) record['content-length'] = String(length)
    return toHeaderList(rewriteRequestHeaders(request, record))
  }

  /** How long a client may leave a response unread, in ms: as long as a backend may leave it unsent. */
  get #clientTimeout (): number {
    return this.#options.timeout ?? this.#target.options.undiciOptions.bodyTimeout
  }

  #timeOut (): void {
    const error = new HoldfastError('HOLDFAST_ERR_TOTAL_TIMEOUT')
    this.#collector?.abandon()
    this.#call?.abort(error, 'timeout')
    this.failed(error)
  }

  // What a user's hook throws is the app's to answer, and says nothing of the backend.
  #giveUp (thrown: unknown): void {
    this.#abandon(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause: thrown }), 'client_gone')
    this.#failure = thrown instanceof HoldfastError ? thrown.code : undefined
    logProvenance(this.#reply, 'error', this)
    if (this.#reply.sent) return
    this.#closeUnread()
    this.#tellFailure(thrown, true)
    this.#reply.send(thrown)
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

  #abandon (error: HoldfastError, reason: CloseReason): void {
    this.#finish()
    this.#failure = error.code
    this.#collector?.abandon()
    this.#call?.abort(error, reason)
  }

  #finish (): void {
    this.#over = true
    clearTimeout(this.#totalTimer)
  }
}

function onClientClose (this: TrackedResponse): void {
  this[kForward]?.clientClosed()
}

// Sent as it is, byte for byte: no fragment, no query, no backslash, no white space. Two dots have been refused by now.
const PLAIN_PATH = /^\/[!"$->@-[\]-~]*$/

// With the dot in front, two leading slashes stay a path.
function normalized (path: string, origin: string): string {
  return new URL(path.startsWith('/') ? `.${path}` : path, origin).pathname
}

// HTTP/2 has no Transfer-Encoding, and need not tell a length: what matters is whether its stream ended with the headers.
function hasBody (message: IncomingMessage): boolean {
  if (message.httpVersionMajor === 2) return !(message as unknown as Http2ServerRequest).stream.endAfterHeaders
  return message.headers['transfer-encoding'] !== undefined || (contentLength(message) ?? 0) > 0
}

function contentLength (message: IncomingMessage): number | undefined {
  const value = message.headers['content-length']
  return value === undefined ? undefined : Number(value)
}

/** With the length of what does not lie in one Buffer, which undici would measure itself. */
function withLength (headers: HeaderList, body: CollectedBody, length: number | undefined): HeaderList {
  const known = body instanceof HeldBody ? body.size : body instanceof Readable ? length : undefined
  if (known !== undefined) headers.push('content-length', String(known))
  return headers
}

function withoutContentType (list: HeaderList): HeaderList {
  const kept: HeaderList = []
  for (let i = 0; i < list.length; i += 2) {
    if (list[i]!.toLowerCase() !== 'content-type') kept.push(list[i]!, list[i + 1]!)
  }
  return kept
}
