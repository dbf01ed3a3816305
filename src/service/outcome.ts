import type { FastifyReply } from 'fastify'
import type { Provenance } from '../connection/observer.js'
import { HoldfastError } from '../errors.js'
import type { Refusal } from './refused-requests.js'

export type Level = 'debug' | 'info' | 'warn' | 'error'

/** How a request ended, as its line says. */
export interface Outcome { readonly level: Level, readonly message: string, readonly err?: unknown }

/** What is known of the end of a request besides its response. */
interface Known {
  /** Whether the system has taken the whole response. `writableFinished` is true too for a client that left before that. */
  readonly finished: boolean
  readonly provenance: Provenance | undefined
  readonly error: Error | undefined
  readonly refusal: Refusal | undefined
}

/** How a request ended, once its response has finished or its connection has closed. */
export function outcomeOf ({ raw }: FastifyReply, { finished, provenance, error, refusal }: Known): Outcome {
  const code = provenance?.error
  if (!finished) {
    if (refusal !== undefined) return refused(refusal)
    // The reset of a connection has no reason to log.
    if ((code ?? 'HOLDFAST_ERR_CLIENT_GONE') === 'HOLDFAST_ERR_CLIENT_GONE' && (error === undefined || error instanceof HoldfastError)) {
      return { level: 'info', message: 'client left', err: { code: 'HOLDFAST_ERR_CLIENT_GONE' } }
    }
    return { level: 'warn', message: 'response cut', err: told(error, code) }
  }
  if (raw.statusCode === 101) return { level: 'info', message: 'upgraded' }
  if (raw.statusCode < 500) return { level: 'info', message: 'request completed', err: toldBriefly(error, code) }
  if (error !== undefined && !(error instanceof HoldfastError)) return { level: 'error', message: 'request failed', err: error }
  // An error status of a backend, or of a handler that threw nothing, is for them to log: readiness is 503 while the gateway drains.
  if (error === undefined && code === undefined) return { level: 'info', message: 'request completed' }
  return { level: 'warn', message: 'request failed', err: told(error, code) }
}

/** Whether a request of this outcome got no whole response, or a 5xx. */
export function hasFailed ({ message }: Outcome, statusCode: number): boolean {
  return statusCode >= 500 || (message !== 'request completed' && message !== 'upgraded')
}

/** The end of a request that Node's parser, or a rule before any route, has refused. */
export function refused ({ code, reason }: Refusal): Outcome {
  return { level: 'info', message: 'request refused', err: { code, reason } }
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
