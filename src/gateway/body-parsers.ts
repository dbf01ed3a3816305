import type { FastifyInstance } from 'fastify'
import { hideMultipart } from '../quirks/reply-from.js'
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
    // Without a parser it reads no body here, and reply-from's warning of it would be wrong.
    hideMultipart(app)
    return
  }
  // A type to encode has to be parsed first. Fastify does not list the types that it has parsers for, so only its own two are removed.
  for (const type of ['application/json', 'text/plain']) if (app.hasContentTypeParser(type)) app.removeContentTypeParser(type)
}
