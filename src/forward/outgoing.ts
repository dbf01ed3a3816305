import type { IncomingMessage } from 'node:http'
import { stringify } from 'node:querystring'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { HoldfastError } from '../errors.js'
import { toHeaderList, toHeaderRecord } from '../http/headers.js'
import type { HeaderList } from '../http/headers.js'
import { withLoop } from '../http/hops.js'
import { hasBody, isBrokenOff } from '../http/message-body.js'
import { unreadable } from './client-body.js'
import type { FromOptions } from './forward.js'
import { isJson, parsedBody } from './parsed-body.js'
import type { ParsedBody } from './parsed-body.js'
import { headersFor } from './request-head.js'

/** A body, and its type where that is not the client's; '' for none. */
export interface OutgoingBody { readonly content: Readable | Buffer | string | null, readonly type: string | undefined }

/**
 * The path and query of a request at its backend.
 *
 * @param dest the path that the route has made of the client's
 * @param origin of the target
 */
export function pathOf (dest: string, request: FastifyRequest, options: FromOptions, origin: string): string {
  const url = request.raw.url!
  const question = url.indexOf('?')
  // http-proxy leaves nothing of `/prefix?query`, and reply-from would take the prefix for it.
  const path = dest === '' ? '/' : dest
  const absolute = PLAIN_PATH.test(path) ? path : normalized(path, origin)
  const { queryString } = options
  if (queryString === undefined) return question === -1 ? absolute : absolute + url.slice(question)
  const query = typeof queryString === 'function'
    // `search` is the destination's own in reply-from; http-proxy has taken it off by now.
    ? queryString('', url, request)
    : stringify(queryString as Record<string, string>)
  return query === '' || query === undefined ? absolute : `${absolute}?${query}`
}

/**
 * What is to be sent: the body given in the options, one that the app has parsed, or the client's own stream.
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
    // A hook has put it in the place of the client's body.
    if (body !== undefined && !isRead) return { content: null, type: undefined }
    // All that the client's JSON says.
    if (body !== undefined && !bodyless && isJson(raw.headers['content-type'], jsonTypes)) return parsed(body, raw, jsonTypes)
    // Fastify parses no body of a GET; what came with it goes on as it came (Elasticsearch needs that).
    return hasBody(raw) && method === raw.method ? unread(raw, raw, jsonTypes) : { content: null, type: undefined }
  }
  if (bodyless) throw new Error(`Rewriting the body when doing a ${method} is not allowed`)
  return parsed(body, raw, jsonTypes)
}

/** A body from which nothing has been read; of one that has been, what was parsed. */
function unread (stream: Readable, raw: IncomingMessage, jsonTypes: ReadonlySet<string>): OutgoingBody {
  if (!stream.readableDidRead) {
    // All of nothing has been read.
    if (stream.readableEnded) return { content: null, type: undefined }
    if (stream.errored !== null && !isBrokenOff(raw)) throw unreadable(stream.errored)
    if (stream.destroyed) throw new HoldfastError('HOLDFAST_ERR_CLIENT_GONE')
    return { content: stream, type: undefined }
  }
  // Where Express' parsers put it.
  const { body } = raw as { body?: unknown }
  if (body === undefined || body === null || !stream.readableEnded) throw new HoldfastError('HOLDFAST_ERR_BODY_READ')
  return parsed(body, raw, jsonTypes)
}

function parsed (body: unknown, raw: IncomingMessage, jsonTypes: ReadonlySet<string>): ParsedBody {
  return parsedBody(body, raw.headers['content-type'], jsonTypes)
}

/**
 * The headers of a request at its backend, without those of its framing.
 *
 * @param origin of the target
 * @param via whether `Via` is to say that it has passed here
 */
export function headersOf ({ content, type }: OutgoingBody, request: FastifyRequest, options: FromOptions, origin: string, via: boolean): HeaderList {
  const { raw } = request
  let list = headersFor(request, via)
  if (type !== undefined) {
    list = withoutContentType(list)
    if (type !== '') list.push('content-type', type)
  }
  const { rewriteRequestHeaders } = options
  if (rewriteRequestHeaders === undefined) return list
  const record: Record<string, unknown> = toHeaderRecord(list)
  const loop = record['cdn-loop'] as string
  record['host'] = origin.slice(origin.indexOf('//') + 2)
  // To be read, not to be changed: it follows from the body.
  const length = typeof content === 'string' || Buffer.isBuffer(content) ? Buffer.byteLength(content) : raw.headers['content-length']
  if (length !== undefined && content !== null) record['content-length'] = String(length)
  return withLoop(toHeaderList(rewriteRequestHeaders(request, record)), loop)
}

// Sent as it is, byte for byte: no fragment, no query, no backslash, no white space. Two dots have been refused by now.
const PLAIN_PATH = /^\/[!"$->@-[\]-~]*$/

// With the dot in front, two leading slashes stay a path.
function normalized (path: string, origin: string): string {
  return new URL(path.startsWith('/') ? `.${path}` : path, origin).pathname
}

function withoutContentType (list: HeaderList): HeaderList {
  const kept: HeaderList = []
  for (let i = 0; i < list.length; i += 2) {
    if (list[i]!.toLowerCase() !== 'content-type') kept.push(list[i]!, list[i + 1]!)
  }
  return kept
}
