import { LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { HoldfastError } from '../errors.js'
import { provenanceOf } from '../forward/tracked-response.js'
import { traceIdOf } from '../http/trace-context.js'
import type { Provenance } from '../connection/observer.js'

type Level = 'debug' | 'info' | 'warn' | 'error'

interface Outcome { readonly level: Level, readonly message: string, readonly err?: unknown }

/**
 * In place of Fastify's lines of a request, one that has all of it: when its response has ended, or its connection with it. There
 * are no headers and no bodies in it. A route whose `logLevel` leaves out `info` has what went well logged at `debug`.
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
      // Others listen too, and then know why.
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
    // Not the request's own logger, whose level is its route's.
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
    // A reset says no more than that.
    if ((code ?? 'HOLDFAST_ERR_CLIENT_GONE') === 'HOLDFAST_ERR_CLIENT_GONE' && (error === undefined || error instanceof HoldfastError)) {
      return { level: 'info', message: 'client left', err: { code: 'HOLDFAST_ERR_CLIENT_GONE' } }
    }
    return { level: 'warn', message: 'response cut', err: told(error, code) }
  }
  if (raw.statusCode === 101) return { level: 'info', message: 'upgraded' }
  if (raw.statusCode < 500) return { level: 'info', message: 'request completed', err: toldBriefly(error, code) }
  if (error !== undefined && !(error instanceof HoldfastError)) return { level: 'error', message: 'request failed', err: error }
  // What a backend has answered is its own to log.
  if (provenance !== undefined && code === undefined) return { level: 'info', message: 'request completed' }
  return { level: 'warn', message: 'request failed', err: told(error, code) }
}

// Its own message is the same each time, and its stack is ours.
function told (error: Error | undefined, code: string | undefined): unknown {
  if (!(error instanceof HoldfastError)) return error ?? (code === undefined ? undefined : { code })
  const { cause, message } = error
  return { code: error.code, reason: cause instanceof Error ? cause.message : message }
}

// What was wrong with a request may be told in words of its body's.
function toldBriefly (error: (Error & { code?: string }) | undefined, code: string | undefined): unknown {
  if (error instanceof HoldfastError) return told(error, code)
  const name = error?.code ?? error?.name ?? code
  return name === undefined ? undefined : { code: name }
}

function isQuiet (log: FastifyBaseLogger & { isLevelEnabled? (level: string): boolean }): boolean {
  return log.isLevelEnabled?.('info') === false
}
