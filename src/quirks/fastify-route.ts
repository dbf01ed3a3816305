import type { FastifyInstance, RouteOptions } from 'fastify'

/**
 * Declares a route in place of a scope's `route`.
 *
 * @param scope the scope that declares the route: the given one, or one within it
 * @param declare the replaced `route`; it may be called more than once, or not at all
 */
export type RouteDeclarer = (scope: FastifyInstance, options: RouteOptions, declare: (options: RouteOptions) => void) => void

/**
 * Sends the routes that a scope declares with `route` through a function, until the returned function is called. The scopes within it are
 * included. A plugin declares routes with the `route` of the scope that it gets, and a scope inherits it from the scope around it.
 * Fastify's docs promise neither. Routes that are declared with `get`, `post` and so on are not included, nor the HEAD that Fastify adds
 * to a GET. If a later version does otherwise, plugins declare their routes as if nothing were replaced.
 */
export function declareBy (app: FastifyInstance, by: RouteDeclarer): () => void {
  // A plugin of the app's (@fastify/websocket) may have added options to it.
  const { route } = app
  const before = route as (this: FastifyInstance, options: RouteOptions) => FastifyInstance
  app.route = function (this: FastifyInstance, options: RouteOptions): FastifyInstance {
    by(this, options, given => { before.call(this, given) })
    return this
  } as typeof route
  return () => { app.route = route }
}

/**
 * The paths of a route that a scope is about to declare. For the URL `/` Fastify declares the prefix both with a slash at its end and
 * without.
 */
export function pathsToDeclare ({ prefix }: FastifyInstance, url: string): string[] {
  return url === '/' && prefix !== '' ? [prefix, `${prefix}/`] : [prefix.replace(/\/$/, '') + url]
}

/** The paths of a route that an `onRoute` hook gets. Of the two paths for the URL `/`, Fastify gives its hooks the first only. */
export function pathsOfTold ({ prefix }: FastifyInstance, url: string): string[] {
  return url === prefix && prefix !== '' ? [url, `${url}/`] : [url]
}

/**
 * The path in Fastify's error for a route that exists already; undefined for any other error. The error has the path in its message only.
 * If a later version words the message in another way, the result is `this path`.
 */
export function duplicatedPathOf (error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== 'FST_ERR_DUPLICATED_ROUTE') return undefined
  return /for route '([^']*)'/.exec(message)?.[1] ?? 'this path'
}
