import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { HoldfastError } from '../errors.js'
import { hasBody, isBrokenOff, isHttp2 } from '../http/message-body.js'
import type { ResolvedRouteOptions } from '../options/route-options.js'
import { ClientBody, unreadable } from './client-body.js'
import type { ClientBodyOwner } from './client-body.js'
import type { FromOptions } from './from-options.js'
import { isJson, parsedBody } from './parsed-body.js'
import type { ParsedBody } from './parsed-body.js'

/** A body to send, null for none. `type` is its Content-Type, '' for none, or undefined for the client's own. */
export interface OutgoingBody { readonly content: Readable | Buffer | string | null, readonly type: string | undefined }

// Shared, since most requests have no body.
const NO_BODY: OutgoingBody = { content: null, type: undefined }

/**
 * The body to send: the one in the options, one that the app has parsed, or the client's own stream.
 *
 * @param jsonTypes media types whose parsed body is written as JSON
 */
export function bodyOf (method: string, request: FastifyRequest, options: FromOptions, jsonTypes: ReadonlySet<string>): OutgoingBody {
  const { body: given, contentType } = options
  const raw = request.raw
  const bodyless = method === 'GET' || method === 'HEAD'
  if (given !== undefined) {
    if (given === null) return { content: null, type: '' }
    if (typeof (given as Readable).pipe === 'function') throw new Error('sending a new body as a stream is not supported yet')
    if (bodyless) throw new Error(`Rewriting the body when doing a ${method} is not allowed`)
    return contentType === undefined
      ? { content: JSON.stringify(given), type: 'application/json' }
      : { content: given as string | Buffer, type: contentType }
  }
  const { body } = request
  if (body instanceof Readable) return unread(body, raw, jsonTypes)
  if (body === undefined || body === null || body === '') {
    const isRead = raw.readableDidRead
    // Only a hook sets an empty body where none of the client's was read.
    if (body !== undefined && !isRead) return NO_BODY
    // The client's JSON may be `null` or `""`.
    if (body !== undefined && !bodyless && isJson(raw.headers['content-type'], jsonTypes)) return parsed(body, raw, jsonTypes)
    // Fastify parses no body of a GET. It goes on as it came: Elasticsearch's clients send such bodies.
    return hasBody(raw) && method === raw.method ? unread(raw, raw, jsonTypes) : NO_BODY
  }
  if (bodyless) throw new Error(`Rewriting the body when doing a ${method} is not allowed`)
  return parsed(body, raw, jsonTypes)
}

/**
 * What reads a body that is a stream, step 4. `start()` begins.
 *
 * @param message the client's, whose end decides whether the stream came whole
 * @param length by Content-Length; undefined where it is not known
 */
export function readerOf (
  content: Readable,
  message: IncomingMessage,
  length: number | undefined,
  { bodyLimit, clientBodyTimeout, clientMinRate }: ResolvedRouteOptions,
  replayLimit: number,
  owner: ClientBodyOwner
): ClientBody {
  return new ClientBody(content, {
    length,
    replayLimit,
    bodyLimit,
    timeout: clientBodyTimeout,
    minRate: clientMinRate,
    isBrokenOff: () => isBrokenOff(message),
    multiplexed: isHttp2(message)
  }, owner)
}

/** A stream that nothing has read from, or the parsed body where something has read the stream. */
function unread (stream: Readable, raw: IncomingMessage, jsonTypes: ReadonlySet<string>): OutgoingBody {
  if (!stream.readableDidRead) {
    // The stream ended without a byte.
    if (stream.readableEnded) return NO_BODY
    if (stream.errored !== null && !isBrokenOff(raw)) throw unreadable(stream.errored)
    if (stream.destroyed) throw new HoldfastError('HOLDFAST_ERR_CLIENT_GONE')
    return { content: stream, type: undefined }
  }
  // Express' parsers leave the parsed body here.
  const { body } = raw as { body?: unknown }
  if (body === undefined || body === null || !stream.readableEnded) throw new HoldfastError('HOLDFAST_ERR_BODY_READ')
  return parsed(body, raw, jsonTypes)
}

function parsed (body: unknown, raw: IncomingMessage, jsonTypes: ReadonlySet<string>): ParsedBody {
  return parsedBody(body, raw.headers['content-type'], jsonTypes)
}
