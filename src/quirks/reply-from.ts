import type { FastifyInstance } from 'fastify'
import { HoldfastError } from '../errors.js'

/** The names with which `@fastify/reply-from` decorates the replies of its scope, by `decorateReply`. */
export const REPLY_FROM_DECORATIONS: readonly string[] = ['from']

/** With these options it sends no request twice. By default it sends a request that got a 503 again, up to ten times. */
export const NO_RETRY = { retryDelay: () => null }

/**
 * The error that a request failed with, from the error that reply-from gives to `onError`. reply-from wraps an error that it does not
 * know in an error of its own, with status 500. If a later version wraps it without a cause, clients get that 500.
 */
export function errorOf (told: Error): Error {
  return !(told instanceof HoldfastError) && told.cause instanceof HoldfastError ? told.cause : told
}

/**
 * Prevents reply-from's warning of `@fastify/multipart` in a scope without parsers. reply-from calls `hasPlugin` of the scope that
 * registers it, once the app is ready. If a later version finds the plugin in another way, it warns.
 */
export function hideMultipart (scope: FastifyInstance): void {
  const { hasPlugin } = scope
  scope.hasPlugin = (name: string): boolean => name !== '@fastify/multipart' && hasPlugin.call(scope, name)
}
