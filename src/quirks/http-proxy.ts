import httpProxy from '@fastify/http-proxy'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'

// Its types know no `websocket: undefined`, and no dispatcher for `undici`.
const anyOptions = httpProxy as unknown as FastifyPluginAsync<Record<string, unknown>>

/** `@fastify/http-proxy` as it stands, in a scope of its own. */
export const httpProxyAsItStands = anyOptions

/**
 * `@fastify/http-proxy` in the scope that it is registered in. It would make a scope within that one, which is made
 * for it already: scopes side by side are alike to V8, one within another is like no other. This calls what it
 * exports as a plain plugin, which its docs do not promise. Within the scope it declares its routes by `route`, adds
 * a parser for JSON and one for any other type that hand the body on as a stream, registers `@fastify/reply-from`
 * with `undici` as it is given, and calls `handler` with `replyOptions`.
 */
export const httpProxyInScope = fp<Record<string, unknown>>((scope, options) => anyOptions(scope, options), { name: '@fastify/http-proxy', fastify: '5.x' })

/** What it decorates the replies of its scope with, by `decorateReply`. */
export const HTTP_PROXY_DECORATIONS: readonly string[] = ['fromParameters', 'wsProxy']

/** Options under which it adds no 'upgrade' listener, and leaves `close` of the server as it is. */
export const WITHOUT_WEBSOCKET = { websocket: undefined, wsUpstream: undefined }

/**
 * What it replaces a prefix by. Its docs say no more than that the upstream's path stands in for `rewritePrefix`, and
 * paths that go past it have to begin in the same way.
 *
 * @param prefix of the scope
 */
export function rewritePrefixOf (prefix: string, { rewritePrefix, upstream }: { readonly rewritePrefix?: string, readonly upstream?: string }): string {
  const to = rewritePrefix || (upstream ? new URL(upstream).pathname : '/')
  return !prefix.endsWith('/') && to.endsWith('/') ? to.slice(0, -1) : to
}

/**
 * A `rewritePrefix` with the parameters of a request put in: in their order, one after another, each where its name
 * comes first.
 */
export function withParameters (rewritePrefix: string, parameters: Readonly<Record<string, unknown>>): string {
  let path = rewritePrefix
  for (const [name, value] of Object.entries(parameters)) path = path.replace(`:${name}`, String(value))
  return path
}
