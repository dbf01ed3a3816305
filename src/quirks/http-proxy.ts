import httpProxy from '@fastify/http-proxy'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'

// Its types allow neither `websocket: undefined` nor a dispatcher as `undici`.
const anyOptions = httpProxy as unknown as FastifyPluginAsync<Record<string, unknown>>

/** `@fastify/http-proxy` as it is. It registers in a scope of its own. */
export const httpProxyAsItStands = anyOptions

/**
 * `@fastify/http-proxy` in the scope that registers it. In a nested scope, V8 would see a new shape for each route (ADR 6). This calls
 * the plugin as a plain function, which its docs do not promise. If a later version exports no such function, the app does not start.
 *
 * In its scope the plugin declares its routes with `route`, adds one parser for JSON and one for all other types, which pass the body on
 * as a stream, registers `@fastify/reply-from` with the given `undici`, and calls `handler` with `replyOptions`.
 */
export const httpProxyInScope = fp<Record<string, unknown>>((scope, options) => anyOptions(scope, options), {
  name: '@fastify/http-proxy', fastify: '5.x'
})

/** The names with which it decorates the replies of its scope, by `decorateReply`. */
export const HTTP_PROXY_DECORATIONS: readonly string[] = ['fromParameters', 'wsProxy']

/** With these options it adds no 'upgrade' listener, and leaves `server.close` as it is. */
export const WITHOUT_WEBSOCKET = { websocket: undefined, wsUpstream: undefined }

/**
 * The path that replaces the prefix. The fast way for plain paths has to make the same paths as http-proxy, whose docs do not state the
 * whole rule.
 *
 * @param prefix of the scope
 */
export function rewritePrefixOf (prefix: string, options: { readonly rewritePrefix?: string, readonly upstream?: string }): string {
  const { rewritePrefix, upstream } = options
  const to = rewritePrefix || (upstream ? new URL(upstream).pathname : '/')
  return !prefix.endsWith('/') && to.endsWith('/') ? to.slice(0, -1) : to
}

/**
 * A `rewritePrefix` with the values of a request's parameters. As in http-proxy, the parameters are replaced one after another, each at
 * the first place of its name.
 */
export function withParameters (rewritePrefix: string, parameters: Readonly<Record<string, unknown>>): string {
  let path = rewritePrefix
  for (const [name, value] of Object.entries(parameters)) path = path.replace(`:${name}`, String(value))
  return path
}
