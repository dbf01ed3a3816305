import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { HoldfastError } from '../errors.js'
import type { ErrorCode } from '../errors.js'

/** Codes of the admin surface, beside those of `ErrorCode`. */
export type AdminCode = `HOLDFAST_ADMIN_${'FAILED' | 'HOST' | 'METHOD' | 'ORIGIN' | 'PATH' | 'STREAMS' | 'TOKEN' | 'TRIAL'}`

/** A request that the admin surface refuses. The answer is `{ code, message }`. */
export class Refusal extends Error {
  readonly statusCode: number
  readonly code: AdminCode | ErrorCode
  readonly headers: Readonly<Record<string, string>>

  constructor (statusCode: number, code: AdminCode | ErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.name = 'Refusal'
    this.statusCode = statusCode
    this.code = code
    this.headers = headers
  }
}

/** The result of a change. A Refusal where an option, or an endpoint, that it was given is not possible. */
export function orRefusal<T> (change: () => T): T {
  try {
    return change()
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    if (error.code === 'HOLDFAST_ERR_OPTION') throw new Refusal(400, error.code, error.message)
    if (error.code === 'HOLDFAST_ERR_UNKNOWN_ENDPOINT') throw new Refusal(404, error.code, error.message)
    throw error
  }
}

/** Answers an error with its code and message. An unexpected error is logged, and the answer does not show it. */
export function answerError (error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode = 500, code, message } = error
  if (error instanceof Refusal) reply.headers(error.headers)
  else if (statusCode >= 500) {
    request.log.error({ err: error }, 'the admin surface failed')
    reply.code(500).send({ code: 'HOLDFAST_ADMIN_FAILED', message: 'This went wrong; the log says how' })
    return
  }
  reply.code(statusCode).send({ code, message })
}
