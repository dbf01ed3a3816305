import type { IncomingMessage } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Provenance } from '../connection/observer.js'
import type { HoldfastError } from '../errors.js'
import { hasBody } from '../http/message-body.js'
import { proxyErrorType } from '../http/proxy-status.js'
import { cut } from './cut.js'
import type { ForwardRoute } from './forward-route.js'
import type { FromOptions } from './from-options.js'
import { proxyStatusOf } from './proxy-status-header.js'
import type { Relay } from './relay.js'
import { logProvenance } from './request-log.js'

/** A forwarding that has ended without the backend's whole response. */
export interface FailedForwarding {
  readonly route: ForwardRoute
  readonly options: FromOptions
  readonly reply: FastifyReply
  /** The response on its way to the client; undefined before the backend has answered. */
  readonly relay: Relay | undefined
  readonly provenance: Provenance | undefined
}

/**
 * Answers the client where the backend, the client or a limit has ended the request. A client that has a part of the response is cut off.
 *
 * @param responseStarted whether a part of a response had come
 * @returns what the user's `onError` has returned
 */
export function answerFailure (forwarding: FailedForwarding, error: HoldfastError, responseStarted: boolean): unknown {
  const { reply, relay, options } = forwarding
  logProvenance(reply, 'error', forwarding)
  if (relay?.cut(error) === true) return undefined
  if (reply.sent) {
    // The app has hijacked the reply, and may be reading the response's stream.
    relay?.abandon(error)
    return undefined
  }
  sayFailure(forwarding, error, responseStarted)
  if (error.blame === 'client') closeClient(reply)
  else closeUnread(reply)
  // Where the app has the response's stream, as a payload in a hook for example, the stream's error makes Fastify answer.
  if (relay?.fail(error) === true) return undefined
  if (options.onError !== undefined) return options.onError(reply, { error })
  reply.send(error)
  return undefined
}

/**
 * Answers the client where a function of the app has thrown: through Fastify's error handling, since it says nothing of the backend. A
 * client that has a part of the response is cut off.
 */
export function answerThrown (forwarding: FailedForwarding, thrown: unknown): void {
  const { reply, relay } = forwarding
  logProvenance(reply, 'error', forwarding)
  // Fastify would send a value that is not an Error as a payload.
  const error = thrown instanceof Error ? thrown : new Error('a function of the app threw a value that is not an Error', { cause: thrown })
  if (relay?.cut(error) === true) return
  if (reply.sent) {
    relay?.abandon(error)
    if (reply.raw.writableEnded) return
    // The app has hijacked the reply, and will send nothing any more.
    reply.log.error({ err: error }, 'a function of the app failed after it had hijacked its reply')
    cut(reply.raw)
    return
  }
  closeUnread(reply)
  sayFailure(forwarding, error, true)
  relay?.withdraw()
  relay?.abandon()
  try {
    reply.send(error)
  } catch (cause) {
    reply.log.error({ err: cause }, 'an error could not be answered')
    cut(reply.raw)
  }
}

function sayFailure (forwarding: FailedForwarding, error: unknown, responseStarted: boolean): void {
  if (!forwarding.route.options.proxyStatus) return
  forwarding.reply.header('proxy-status', proxyStatusOf(forwarding, undefined, { error: proxyErrorType(error, responseStarted) }))
}

// Node reads the rest of a body only where nothing has begun to read it. Left unread, it would keep the client's next request from being
// read.
function closeUnread (reply: FastifyReply): void {
  const raw: IncomingMessage = reply.request.raw
  if (!raw.complete && hasBody(raw)) closeClient(reply)
}

function closeClient (reply: FastifyReply): void {
  if (reply.request.raw.httpVersionMajor === 1) reply.header('connection', 'close')
}
