import type { FastifyInstance } from 'fastify'
import { HoldfastError } from '../errors.js'

/** What `@fastify/reply-from` decorates the replies of its scope with, by `decorateReply`. */
export const REPLY_FROM_DECORATIONS: readonly string[] = ['from']

/**
 * Options under which it sends nothing twice. It asks a 503 again up to ten times unless `retryDelay` says otherwise.
 */
export const NO_RETRY = { retryDelay: () => null }

/**
 * The error that a request has failed with, of what reply-from tells `onError`: it makes a 500 of its own of every
 * error that it does not know, with that for its cause. Should it tell the error itself, or no cause, what it tells
 * is returned.
 */
export function errorOf (told: Error): Error {
  return !(told instanceof HoldfastError) && told.cause instanceof HoldfastError ? told.cause : told
}

/**
 * Keeps it from warning of `@fastify/multipart`, route by route, in a scope whose parsers are taken out. It asks
 * `hasPlugin` of the scope that it is registered in, once the app is ready. Should it find out in another way, it
 * warns.
 */
export function hideMultipart (scope: FastifyInstance): void {
  const { hasPlugin } = scope
  scope.hasPlugin = (name: string): boolean => name !== '@fastify/multipart' && hasPlugin.call(scope, name)
}
