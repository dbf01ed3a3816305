import { LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { HoldfastError } from '../errors.js'
import { provenanceOf } from '../forward/tracked-response.js'
import { traceIdOf } from '../http/trace-context.js'
import type { Provenance } from '../connection/observer.js'

type Level = 'debug' | 'info' | 'warn' | 'error'

interface Outcome { readonly level: Level, readonly message: string, readonly err?: unknown }

/**
 * Logs one line for each request, in place of Fastify's lines: when its response is finished, or its connection closes before that. The
 * line has no headers and no bodies. Where a route's `logLevel` leaves out `info`, its lines of level `info` are logged at `debug`.
 */
export class AccessLog extends LogController {
  readonly #errors = new WeakMap<FastifyReply, Error>()

  constructor () {
    super({ disableRequestLogging: true })
  }

  override incomingRequest (request: FastifyRequest, reply: FastifyReply): void {
    const { raw } = reply
    const finished = (): void => {
      raw.off('close', closed)
      this.#tell(request, reply)
    }
    const closed = (): void => {
      raw.off('finish', finished)
      // Other listeners of 'close' run first: they note why the response was not finished.
      queueMicrotask(() => this.#tell(request, reply))
    }
    raw.once('finish', finished).once('close', closed)
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

  #tell (request: FastifyRequest, reply: FastifyReply): void {
    const { raw } = reply
    const provenance = provenanceOf(reply)
    const { level, message, err } = outcomeOf(reply, provenance, this.#errors.get(reply))
    const traceId = traceIdOf(request.headers.traceparent)
    // Not the logger of the request: its level is the one of the route.
    request.server.log[level === 'info' && isQuiet(request.log) ? 'debug' : level]({
      reqId: request.id,
      method: request.method,
      url: request.originalUrl,
      ...raw.headersSent ? { status: raw.statusCode } : undefined,
      responseTime: Math.round(reply.elapsedTime * 10) / 10,
      clientIp: request.ip,
      ...traceId === undefined ? undefined : { traceId },
      ...provenance === undefined ? undefined : { provenance },
      ...err === undefined ? undefined : { err }
    }, message)
  }
}

function outcomeOf ({ raw }: FastifyReply, provenance: Provenance | undefined, error: Error | undefined): Outcome {
  const code = provenance?.error
  if (!raw.writableFinished) {
    // The reset of a connection has no reason to log.
    if ((code ?? 'HOLDFAST_ERR_CLIENT_GONE') === 'HOLDFAST_ERR_CLIENT_GONE' && (error === undefined || error instanceof HoldfastError)) {
      return { level: 'info', message: 'client left', err: { code: 'HOLDFAST_ERR_CLIENT_GONE' } }
    }
    return { level: 'warn', message: 'response cut', err: told(error, code) }
  }
  if (raw.statusCode === 101) return { level: 'info', message: 'upgraded' }
  if (raw.statusCode < 500) return { level: 'info', message: 'request completed', err: toldBriefly(error, code) }
  if (error !== undefined && !(error instanceof HoldfastError)) return { level: 'error', message: 'request failed', err: error }
  // An error status of a backend is the backend's to log.
  if (provenance !== undefined && code === undefined) return { level: 'info', message: 'request completed' }
  return { level: 'warn', message: 'request failed', err: told(error, code) }
}

// The message of a HoldfastError is the same for each error of a code, and its stack shows only the gateway: the cause says more.
function told (error: Error | undefined, code: string | undefined): unknown {
  if (!(error instanceof HoldfastError)) return error ?? (code === undefined ? undefined : { code })
  const { cause, message } = error
  return { code: error.code, reason: cause instanceof Error ? cause.message : message }
}

// Without the message: an error about a request may quote its body.
function toldBriefly (error: (Error & { code?: string }) | undefined, code: string | undefined): unknown {
  if (error instanceof HoldfastError) return told(error, code)
  const name = error?.code ?? error?.name ?? code
  return name === undefined ? undefined : { code: name }
}

function isQuiet (log: FastifyBaseLogger & { isLevelEnabled? (level: string): boolean }): boolean {
  return log.isLevelEnabled?.('info') === false
}
