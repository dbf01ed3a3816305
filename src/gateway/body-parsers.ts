import type { FastifyInstance } from 'fastify'
import type { ProxyOptions } from './proxy-options.js'

/** Whether the route asks for bodies that the app's parsers have read. */
export function parsesBodies ({ proxyPayloads, preValidation }: ProxyOptions): boolean {
  return proxyPayloads === false || preValidation !== undefined
}

/**
 * Removes the app's parsers of request bodies, and Fastify's own, from this scope. A body that a parser has read cannot be forwarded as the
 * client wrote it. http-proxy adds two parsers that pass the stream on, and fails to start where the scope has a parser for JSON.
 */
export function forgetParsers (app: FastifyInstance, { contentTypesToEncode }: ProxyOptions): void {
  if (contentTypesToEncode === undefined) {
    app.removeAllContentTypeParsers()
    // reply-from warns of this plugin for each route. Without a parser the plugin reads no body here, and the warning would be wrong.
    const { hasPlugin } = app
    app.hasPlugin = (name: string): boolean => name !== '@fastify/multipart' && hasPlugin.call(app, name)
    return
  }
  // A type to encode has to be parsed first. Fastify does not list the types that it has parsers for, so only its own two are removed.
  for (const type of ['application/json', 'text/plain']) if (app.hasContentTypeParser(type)) app.removeContentTypeParser(type)
}
