import type { FastifyInstance } from 'fastify'
import type { ProxyOptions } from './proxy-options.js'

/** Whether the app asks for bodies that its parsers have read. */
export function parsesBodies ({ proxyPayloads, preValidation }: ProxyOptions): boolean {
  return proxyPayloads === false || preValidation !== undefined
}

/**
 * Takes the app's parsers of request bodies, and Fastify's own, out of this scope. What a parser has read cannot be sent on as the client wrote
 * it, and one of the app's for JSON would keep http-proxy, which adds two that hand on the stream, from starting.
 */
export function forgetParsers (app: FastifyInstance, { contentTypesToEncode }: ProxyOptions): void {
  if (contentTypesToEncode === undefined) {
    app.removeAllContentTypeParsers()
    // reply-from warns of it, route by route; here it has nothing left to parse with.
    const { hasPlugin } = app
    app.hasPlugin = (name: string): boolean => name !== '@fastify/multipart' && hasPlugin.call(app, name)
    return
  }
  // A type that is to be encoded has to be parsed, and Fastify does not say which types it has parsers for.
  for (const type of ['application/json', 'text/plain']) if (app.hasContentTypeParser(type)) app.removeContentTypeParser(type)
}
