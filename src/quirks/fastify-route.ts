import type { FastifyInstance, RouteOptions } from 'fastify'

/**
 * Declares a route in the place of a scope's own `route`.
 *
 * @param scope in which it is declared: the one that was given, or one within it
 * @param declare as it was before; it may be called for several routes, or for none
 */
export type RouteDeclarer = (scope: FastifyInstance, options: RouteOptions, declare: (options: RouteOptions) => void) => void

/**
 * Has the routes that are declared by `route` of a scope go another way from now on, in the scopes within it too,
 * until the returned function is called. A plugin declares its routes by `route` of the scope that it is given, and a
 * scope inherits it from the scope around it: Fastify's docs promise neither. `get`, `post` ... and the HEAD beside a
 * GET go past it. Should a plugin declare otherwise, its routes are as it made them.
 */
export function declareBy (app: FastifyInstance, by: RouteDeclarer): () => void {
  // A plugin of the app's (@fastify/websocket) may have widened what it takes.
  const { route } = app
  const before = route as (this: FastifyInstance, options: RouteOptions) => FastifyInstance
  app.route = function (this: FastifyInstance, options: RouteOptions): FastifyInstance {
    by(this, options, given => { before.call(this, given) })
    return this
  } as typeof route
  return () => { app.route = route }
}

/**
 * The paths of a route with a given `url` that is about to be declared in a scope: `/` stands for its prefix, with
 * and without a slash at its end.
 */
export function pathsToDeclare ({ prefix }: FastifyInstance, url: string): string[] {
  return url === '/' && prefix !== '' ? [prefix, `${prefix}/`] : [prefix.replace(/\/$/, '') + url]
}

/**
 * The paths of a route of which an `onRoute` hook is told: Fastify declares both of a prefix, and tells its hooks of
 * the first one alone.
 */
export function pathsOfTold ({ prefix }: FastifyInstance, url: string): string[] {
  return url === prefix && prefix !== '' ? [url, `${url}/`] : [url]
}

/**
 * The path in Fastify's error for a route that is there already; undefined for any other error. Its message alone has
 * it.
 */
export function duplicatedPathOf (error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== 'FST_ERR_DUPLICATED_ROUTE') return undefined
  return /for route '([^']*)'/.exec(message)?.[1] ?? 'this path'
}
