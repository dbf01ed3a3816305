import { AsyncResource } from 'node:async_hooks'
import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CloseReason, Provenance } from '../connection/observer.js'
import { HoldfastError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import { responseHeaders } from '../http/headers.js'
import type { HeaderRecord } from '../http/headers.js'
import { hopsIn } from '../http/hops.js'
import { contentLength } from '../http/message-body.js'
import { proxyErrorType, withProxyStatus } from '../http/proxy-status.js'
import type { ResponseHead } from '../http/response-head.js'
import { upgradeHeaders } from '../http/websocket.js'
import { sendHeadAsLatin1 } from '../quirks/node-http-head.js'
import type { Call, CallHandler } from '../target/call.js'
import type { TargetClaim } from '../target/target-core.js'
import { internalsOf } from '../target/target.js'
import type { Target } from '../target/target.js'
import type { ClientBody, ClientBodyOwner, CollectedBody } from './client-body.js'
import { relayHint } from './early-hints.js'
import { answerFailure, answerThrown } from './failure.js'
import type { FailedForwarding } from './failure.js'
import type { ForwardRoute } from './forward-route.js'
import type { FromOptions } from './from-options.js'
import { readerOf } from './outgoing-body.js'
import { callRequestOf, outgoingOf } from './outgoing.js'
import type { Outgoing } from './outgoing.js'
import { proxyStatusOf } from './proxy-status-header.js'
import { Relay } from './relay.js'
import type { RelayOwner } from './relay.js'
import { metHeaders, withCookie } from './reply-headers.js'
import { logProvenance } from './request-log.js'
import { heed, runInScope } from './request-scope.js'
import type { RequestScope } from './request-scope.js'
import { track, untrack } from './tracked-response.js'
import type { TrackedForwarding } from './tracked-response.js'
import type { Upgrade } from './upgrade.js'

/**
 * Takes one request to its target and the response back. With an upgrade it asks for that; any answer but a 101 is a response like all
 * others. Throws what is wrong with the request before anything is sent.
 */
export function forward (
  route: ForwardRoute, request: FastifyRequest, reply: FastifyReply, dest: string, options: FromOptions, upgrade?: Upgrade
): void {
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

/** One request, in the steps of docs/internals.md. Every way to end it goes through `#end`. */
class Forward implements CallHandler, RelayOwner, ClientBodyOwner, TargetClaim, TrackedForwarding, RequestScope, FailedForwarding {
  readonly route: ForwardRoute
  readonly #request: FastifyRequest
  readonly reply: FastifyReply
  readonly options: FromOptions
  readonly #target: Target
  readonly #upgrade: Upgrade | undefined
  // Hooks run in the async context of their own request, whichever socket calls back.
  readonly scope = new AsyncResource('holdfast.forward')
  #body: ClientBody | undefined
  #outgoing: Outgoing | undefined
  #call: Call | undefined
  relay: Relay | undefined
  #totalTimer: NodeJS.Timeout | undefined
  #unlisten: (() => void) | undefined
  #failure: ErrorCode | undefined
  #hints = 0
  #over = false
  /** Among the claims of its target. */
  place = 0

  constructor (route: ForwardRoute, request: FastifyRequest, reply: FastifyReply, options: FromOptions, upgrade: Upgrade | undefined) {
    this.route = route
    this.#request = request
    this.reply = reply
    this.options = options
    this.#upgrade = upgrade
    this.#target = route.targetOf(request, options)
  }

  get provenance (): Provenance | undefined {
    return this.#call?.provenance(this.#failure)
  }

  start (dest: string): void {
    const request = this.#request
    const { raw } = request
    if (hopsIn(raw.headers.via, raw.headers['cdn-loop']) >= this.route.maxHops) throw new HoldfastError('HOLDFAST_ERR_LOOP')
    // Step 3: build.
    const outgoing = outgoingOf(dest, request, this.options, this.route, this.#target.origin)
    internalsOf(this.#target).claim(this)
    this.#unlisten = track(raw, this.reply.raw, this)
    const { totalTimeout } = this.route.options
    if (totalTimeout > 0) this.#totalTimer = setTimeout(() => this.#timeOut(), totalTimeout)
    if (outgoing.content instanceof Readable) this.#collect(outgoing, outgoing.content)
    else this.#send(outgoing, outgoing.content)
  }

  // Step 4: collect.
  #collect (outgoing: Outgoing, content: Readable): void {
    const { raw } = this.#request
    const { bodyLimit } = this.route.options
    const declared = contentLength(raw)
    if (bodyLimit > 0 && declared !== undefined && declared > bodyLimit) return this.failed(new HoldfastError('HOLDFAST_ERR_BODY_LIMIT'))
    this.#outgoing = outgoing
    this.#body = readerOf(content, raw, outgoing.length, this.route.options, this.#target.options.retry.replayLimit, this)
    this.#body.start()
  }

  collected (body: CollectedBody): void {
    runInScope(this, this.#sendCollected, body)
  }

  #sendCollected (body: CollectedBody): void {
    this.#send(this.#outgoing!, body)
  }

  // Steps 5 to 7, and 9, are the target's.
  #send (outgoing: Outgoing, body: CollectedBody | string | null): void {
    const upgrade = this.#upgrade === undefined ? undefined : 'websocket'
    const request = callRequestOf(outgoing, body, this.options, this.#target.options.undiciOptions, upgrade, this.#request, this.route)
    const call = this.#call = internalsOf(this.#target).call(request, this)
    call.start()
  }

  bodyWritten (): void {}
  requestWritten (): void {}

  informed (status: number, lines: string[]): void {
    if (status !== 103 || !this.route.options.earlyHints) return
    if (relayHint(this.reply, lines, this.#hints, this.route.options.via)) this.#hints++
  }

  // Step 8: relay.
  responded (status: number, head: ResponseHead): void {
    this.#body?.answered()
    runInScope(this, this.#relayHead, status, head)
  }

  #relayHead (status: number, head: ResponseHead): void {
    const { reply, options } = this
    if (reply.sent) {
      this.#giveUp(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
      return
    }
    const headers = this.#withBond(this.#headersOf(head))
    this.#sayProvenance(headers, status)
    const message = this.#request.raw
    // The connection ends with the answer, so the rest of an upload that the backend did not wait for need not be read.
    if (!message.complete && message.httpVersionMajor === 1) headers['connection'] = 'close'
    // A backend that refuses and says close reads no more, and may be about to reset. Any other may answer while it reads.
    if (status >= 400 && !head.signal.persistent) this.#body?.refused()
    const terms = { buffer: this.route.options.responseBuffer, clientTimeout: this.#clientTimeout, scope: this.scope }
    const relay = this.relay = new Relay(reply, terms, this)
    if (options.onResponse === undefined) relay.head(status, headers, !this.route.rewritesHeaders)
    else heed(this, options.onResponse(this.#request, reply, { statusCode: status, headers, stream: relay.headFor(status, headers) }))
  }

  data (chunk: Buffer): boolean {
    try {
      return this.relay!.data(chunk)
    } catch (error) {
      // What reads the body in an `onResponse` has thrown.
      this.thrown(error)
      return true
    }
  }

  goesOn (): void {
    runInScope(this, this.#streamRelay)
  }

  #streamRelay (): void {
    this.relay?.goesOn()
  }

  relayWantsMore (): void {
    this.#call!.resume()
  }

  relayAbandoned (): void {
    this.clientClosed()
  }

  ended (): void {
    this.#end()
    runInScope(this, this.#endRelay)
  }

  #endRelay (): void {
    this.relay?.end()
  }

  // Step 8 of an upgrade: the 101, and a tunnel behind it.
  upgraded (status: number, head: ResponseHead, socket: Duplex): void {
    runInScope(this, this.#openTunnel, status, head, socket)
  }

  #openTunnel (status: number, head: ResponseHead, socket: Duplex): void {
    const { reply } = this
    try {
      const headers = this.#withBond(upgradeHeaders(this.#headersOf(head), head.list))
      this.#sayProvenance(headers, status)
      const met = metHeaders(reply, headers)
      this.#upgrade!.open({ ...reply.getHeaders() as HeaderRecord, ...met }, socket as Socket, this.route.options.tunnelIdleTimeout)
    } catch (error) {
      socket.destroy()
      if (error instanceof HoldfastError) this.failed(error)
      else this.thrown(error)
      return
    }
    this.#end()
    // The tunnel has the client's socket from here on.
    this.#stopListening()
    reply.hijack()
  }

  #headersOf ({ list }: ResponseHead): HeaderRecord {
    return this.route.rewriteHeaders(responseHeaders(list, this.route.options.via), this.#request)
  }

  /** The headers with the cookie that binds the client to its endpoint, where the response has to set it. */
  #withBond (headers: HeaderRecord): HeaderRecord {
    const { affinity } = this.#target.options
    if (affinity === undefined || !('cookie' in affinity)) return headers
    const cookie = this.#call!.cookie(this.#request.protocol === 'https')
    return cookie === undefined ? headers : withCookie(headers, cookie)
  }

  // At the response's head: an app that answers in its own way does not wait for the body.
  #sayProvenance (headers: HeaderRecord, status: number): void {
    if (this.route.options.proxyStatus) headers['proxy-status'] = proxyStatusOf(this, headers['proxy-status'], { receivedStatus: status })
    logProvenance(this.reply, 'info', this)
  }

  /** How long a client may leave a response unread, in ms: as long as a backend may pause in sending it. */
  get #clientTimeout (): number {
    return this.options.timeout ?? this.#target.options.undiciOptions.bodyTimeout
  }

  // What follows ends a request before its response is whole.

  failed (error: HoldfastError, responseStarted = false): void {
    if (!this.#end()) return
    this.#failure = error.code
    runInScope(this, this.#answerFailure, error, responseStarted)
  }

  #answerFailure (error: HoldfastError, responseStarted: boolean): void {
    heed(this, answerFailure(this, error, responseStarted))
  }

  bodyFailed (error: Error): void {
    if (error instanceof HoldfastError) this.#abort(error, error.blame === 'client' ? 'client_gone' : 'timeout')
    else runInScope(this, this.thrown, error)
  }

  #timeOut (): void {
    this.#abort(new HoldfastError('HOLDFAST_ERR_TOTAL_TIMEOUT'), 'timeout')
  }

  targetDestroyed (): void {
    this.#abort(new HoldfastError('HOLDFAST_ERR_DRAINING'), 'drained')
  }

  /** The client has gone, or has its answer. */
  clientClosed (): void {
    if (!this.#over) {
      this.#giveUp(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
      logProvenance(this.reply, 'info', this)
    }
    // A response that is here whole is given up too: a hook may have sent another in its place, or its turn on the socket never came.
    this.relay?.abandon()
  }

  /** Ends it without an answer, which its caller gives. */
  abandon (): void {
    this.#stopListening()
    this.#giveUp(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE'))
  }

  #abort (error: HoldfastError, reason: CloseReason): void {
    this.#call?.abort(error, reason)
    this.failed(error)
  }

  // The app answers what its own functions throw.
  thrown (error: unknown): void {
    this.#giveUp(new HoldfastError('HOLDFAST_ERR_CLIENT_GONE', { cause: error }))
    this.#failure = error instanceof HoldfastError ? error.code : undefined
    answerThrown(this, error)
  }

  #giveUp (error: HoldfastError): void {
    if (!this.#end()) return
    this.#failure = error.code
    this.#call?.abort(error, 'client_gone')
  }

  /** The one end of a forwarding: frees all that it holds. Returns false where it had ended before. */
  #end (): boolean {
    if (this.#over) return false
    this.#over = true
    clearTimeout(this.#totalTimer)
    this.#body?.release()
    internalsOf(this.#target).release(this)
    return true
  }

  #stopListening (): void {
    this.#unlisten?.()
    untrack(this.reply.raw)
  }
}
