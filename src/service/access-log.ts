import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { onClientGone } from '../forward/client-exchange.js'
import { provenanceOf } from '../forward/tracked-response.js'
import { maskHost } from '../http/mask-url.js'
import type { MaskedNames } from '../http/secret-names.js'
import { traceIdOf } from '../http/trace-context.js'
import { hasUnsent, isBehindAnother } from '../quirks/node-http-socket.js'
import { ExchangeBytes, bytesBesides, countBytes } from './client-bytes.js'
import { hasFailed, outcomeOf, refused } from './outcome.js'
import { watchRefusedRequests } from './refused-requests.js'
import type { Refusal } from './refused-requests.js'
import { skippedPaths } from './skipped-paths.js'
import type { SkippedPaths } from './skipped-paths.js'

/** What the line shows of a client, as it is when its request comes: hooks may change headers, and a closed socket has no address. */
interface Client { readonly clientIp: string | undefined, readonly host: string | undefined, readonly userAgent: string | undefined }

/** What is noted of an exchange for its line. */
interface Exchange { readonly client: Client, readonly bytes: ExchangeBytes | undefined, readonly finished: boolean }

// In characters. The user agents of browsers have up to about 250, and a host with its port has up to 259.
const LONGEST_TEXT = 512

/**
 * Logs one line for each request, in place of Fastify's lines: when its response is finished, or its connection closes before that. A
 * tunnel has a second line, at its end. Of the headers, the line has `Host` and `User-Agent` alone, and it has no bodies. Where a route's
 * `logLevel` leaves out `info`, its lines of level `info` are logged at `debug`. So are those of skipped paths that say of no failure.
 */
export class AccessLog extends LogController {
  readonly #errors = new WeakMap<FastifyReply, Error>()
  readonly #refusals = new WeakMap<IncomingMessage, Refusal>()
  readonly #skipped: SkippedPaths
  readonly #mask: MaskedNames | undefined

  /**
   * @param skipped as `skippedPaths` takes them
   * @param mask as the names of `maskHost`
   */
  constructor (skipped: readonly string[], mask: MaskedNames | undefined) {
    super({ disableRequestLogging: true })
    this.#skipped = skippedPaths(skipped)
    this.#mask = mask
  }

  /** Has requests logged that are refused before Fastify sees them. To be called before any plugin is registered. */
  watch (app: FastifyInstance): void {
    watchRefusedRequests(app, {
      inBody: (message, refusal) => { this.#refusals.set(message, refusal) },
      byHead: (socket, refusal, message) => { tellRefused(app, socket, refusal, message, this.#mask) }
    })
  }

  override incomingRequest (request: FastifyRequest, reply: FastifyReply): void {
    const { raw } = reply
    const { socket } = request.raw
    const client = clientOf(request.raw, request.ip, this.#mask)
    // A request of `inject` has no socket.
    const bytes = socket instanceof Socket ? new ExchangeBytes(request.raw, raw) : undefined
    const finished = (): void => {
      stop()
      this.#tell(request, reply, { client, bytes, finished: !hasUnsent(socket) })
    }
    const closed = (): void => {
      raw.off('finish', finished)
      // Other listeners of 'close' run first: they note why the response was not finished.
      queueMicrotask(() => this.#tell(request, reply, { client, bytes, finished: false }))
    }
    let stop = (): void => { raw.off('close', closed) }
    raw.once('finish', finished)
    // Such a response emits no 'close' where its connection ends before its turn.
    if (isBehindAnother(raw)) stop = onClientGone(request.raw, raw, closed)
    else raw.once('close', closed)
  }

  override defaultErrorLog (error: Error, _request: FastifyRequest, reply: FastifyReply): void {
    this.#errors.set(reply, error)
  }

  override writeHeadError (error: Error, _request: FastifyRequest, reply: FastifyReply): void {
    this.#errors.set(reply, error)
  }

  override serializerError (error: Error, _request: FastifyRequest, reply: FastifyReply): void {
    this.#errors.set(reply, error)
  }

  override streamError (error: Error & { code?: string }, _request: FastifyRequest, reply: FastifyReply): void {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') this.#errors.set(reply, error)
  }

  #tell (request: FastifyRequest, reply: FastifyReply, { client, bytes, finished }: Exchange): void {
    const { raw } = reply
    const { id, method, originalUrl: url, server, raw: message } = request
    const provenance = provenanceOf(reply)
    const refusal = this.#refusals.get(message)
    const counts = bytes?.end()
    const outcome = outcomeOf(reply, { finished, provenance, error: this.#errors.get(reply), refusal })
    const sent = finished || counts === undefined || counts.responseBytes > 0
    const status = raw.headersSent && sent ? raw.statusCode : refusal?.status
    const { level, err } = outcome
    const quiet = level === 'info' && (isQuiet(request.log) || (!hasFailed(outcome, raw.statusCode) && this.#skipped(url)))
    const shown = quiet ? 'debug' : level
    // pino leaves out what is undefined. Not the logger of the request: its level is the one of the route.
    server.log[shown]({
      reqId: id,
      method,
      url,
      ...client,
      status,
      responseTime: Math.round(reply.elapsedTime * 10) / 10,
      ...counts,
      traceId: traceIdOf(request.headers.traceparent),
      provenance,
      err
    }, outcome.message)
    if (outcome.message !== 'upgraded') return
    const began = performance.now()
    message.socket.once('close', () => {
      const duration = Math.round(performance.now() - began)
      server.log[shown]({ reqId: id, method, url, ...client, duration, ...bytesBesides(message.socket) }, 'tunnel ended')
    })
  }
}

/** Logs a request that no route sees, when its connection has closed. A connection that was opened and never used has no line. */
function tellRefused ({ log }: FastifyInstance, socket: Socket, refusal: Refusal, message?: IncomingMessage, mask?: MaskedNames): void {
  const clientIp = socket.remoteAddress
  countBytes(socket)
  socket.once('close', () => {
    const counts = bytesBesides(socket)
    if (counts.requestBytes === 0) return
    const { level, message: text, err } = refused(refusal)
    log[level]({
      method: message?.method,
      url: message?.url,
      ...message === undefined ? { clientIp } : clientOf(message, clientIp, mask),
      status: counts.responseBytes === 0 ? undefined : refusal.status,
      ...counts,
      err
    }, text)
  })
}

function clientOf ({ headers }: IncomingMessage, clientIp: string | undefined, mask: MaskedNames | undefined): Client {
  const { host, 'user-agent': userAgent } = headers
  return { clientIp, host: bounded(host === undefined ? undefined : maskHost(host, mask)), userAgent: bounded(userAgent) }
}

function bounded (text: string | undefined): string | undefined {
  return text !== undefined && text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text
}

function isQuiet (log: FastifyBaseLogger & { isLevelEnabled? (level: string): boolean }): boolean {
  return log.isLevelEnabled?.('info') === false
}
