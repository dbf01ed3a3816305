import type { IncomingMessage } from 'node:http'
import { stringify } from 'node:querystring'
import type { FastifyRequest } from 'fastify'
import type { ClientConnection } from '../connection/bindings.js'
import { hasHeader, toHeaderList, toHeaderRecord } from '../http/headers.js'
import type { HeaderList } from '../http/headers.js'
import { withLoop } from '../http/hops.js'
import { contentLength, isHttp2 } from '../http/message-body.js'
import { StreamedBody } from '../wire/streamed-body.js'
import type { CallRequest } from '../target/call.js'
import { isIdempotent } from '../http/idempotent.js'
import type { CollectedBody } from './client-body.js'
import type { ForwardRoute } from './forward-route.js'
import type { FromOptions } from './from-options.js'
import { bodyOf } from './outgoing-body.js'
import type { OutgoingBody } from './outgoing-body.js'
import { headersFor } from './request-head.js'

/** A request as its backend gets it, before its body is collected. */
export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly headers: HeaderList
  /** The whole body, null for none, or a stream that is still to be collected. */
  readonly content: OutgoingBody['content']
  /** Bytes of the client's own stream by its Content-Length; undefined where it has none, and for any other content. */
  readonly length: number | undefined
}

/**
 * Step 3: builds the outgoing request. Throws what is wrong with it.
 *
 * @param dest the path that the route has made of the client's
 * @param origin of the target
 */
export function outgoingOf (dest: string, request: FastifyRequest, options: FromOptions, route: ForwardRoute, origin: string): Outgoing {
  const { raw } = request
  const method = options.method ?? raw.method!
  const path = pathOf(dest, request, options, origin)
  const body = bodyOf(method, request, options, route.jsonTypes)
  const { content } = body
  const headers = headersOf(body, request, options, origin, route.options.via)
  // A stream that a hook has put in place of the client's body is of another length.
  return { method, path, headers, content, length: content === raw ? contentLength(raw) : undefined }
}

/**
 * The outgoing request as its target takes it, with the body that is to be sent.
 *
 * @param timeout in place of both of the target's timeouts, in ms
 * @param request the client's
 */
export function callRequestOf (
  { method, path, headers, length }: Outgoing,
  body: CollectedBody | string | null,
  { timeout }: FromOptions,
  { headersTimeout, bodyTimeout }: { readonly headersTimeout: number, readonly bodyTimeout: number },
  upgrade: 'websocket' | undefined,
  request: FastifyRequest,
  { pinnedOf }: Pick<ForwardRoute, 'pinnedOf'>
): CallRequest {
  return {
    method,
    path,
    headers,
    body,
    length,
    headersTimeout: timeout ?? headersTimeout,
    bodyTimeout: timeout ?? bodyTimeout,
    upgrade,
    idempotent: isIdempotent(method) || hasHeader(headers, 'idempotency-key'),
    replayable: !(body instanceof StreamedBody),
    askClose: false,
    clientConnection: clientConnectionOf(request.raw),
    // Its address and headers are read only where the target has several endpoints: they are getters, and the address may cost a parse.
    asker: request,
    pinned: pinnedOf === undefined ? undefined : pinnedOf(request)
  }
}

function pathOf (dest: string, request: FastifyRequest, options: FromOptions, origin: string): string {
  const url = request.raw.url!
  const question = url.indexOf('?')
  // Of `/prefix?query` http-proxy leaves an empty path, in place of which reply-from would send the prefix.
  const path = dest === '' ? '/' : dest
  const absolute = PLAIN_PATH.test(path) ? path : normalized(path, origin)
  const { queryString } = options
  if (queryString === undefined) return question === -1 ? absolute : absolute + url.slice(question)
  const query = typeof queryString === 'function'
    // In reply-from, `search` is the query of the destination. http-proxy has taken that off.
    ? queryString('', url, request)
    : stringify(queryString as Record<string, string>)
  return query === '' || query === undefined ? absolute : `${absolute}?${query}`
}

// Sent as it is, byte for byte: it has no fragment, query, backslash or white space. Step 1 has refused segments of two dots.
const PLAIN_PATH = /^\/[!"$->@-[\]-~]*$/

// The dot in front keeps URL from reading two leading slashes as a host.
function normalized (path: string, origin: string): string {
  return new URL(path.startsWith('/') ? `.${path}` : path, origin).pathname
}

/** All headers except those of the framing, which the wire writes. */
function headersOf (body: OutgoingBody, request: FastifyRequest, options: FromOptions, origin: string, via: boolean): HeaderList {
  const { content, type } = body
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
  // For the user's function to read. What it sets has no effect, since the length follows from the body.
  const length = typeof content === 'string' || Buffer.isBuffer(content) ? Buffer.byteLength(content) : raw.headers['content-length']
  if (length !== undefined && content !== null) record['content-length'] = String(length)
  return withLoop(toHeaderList(rewriteRequestHeaders(request, record)), loop)
}

function withoutContentType (list: HeaderList): HeaderList {
  const kept: HeaderList = []
  for (let i = 0; i < list.length; i += 2) {
    if (list[i]!.toLowerCase() !== 'content-type') kept.push(list[i]!, list[i + 1]!)
  }
  return kept
}

// Over HTTP/2 the client's connection is its session: the `socket` of a request is a proxy.
function clientConnectionOf (message: IncomingMessage): ClientConnection | undefined {
  return isHttp2(message) ? message.stream.session : message.socket
}
