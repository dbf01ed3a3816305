import type { FastifyReply, FastifyRequest } from 'fastify'
import type { HeaderRecord } from '../http/headers.js'
import type { ResponseStream } from './response-stream.js'

/** A backend's response as `onResponse` gets it. */
interface BackendResponse { statusCode: number, headers: HeaderRecord, stream: ResponseStream }

/** What `reply.from()` of `@fastify/reply-from` takes for one request. Each option means what it means there. */
export interface FromOptions {
  method?: string
  /** Sent in place of the client's body, as JSON unless `contentType` names another type; null sends none. */
  body?: unknown
  contentType?: string
  queryString?: Record<string, unknown> | ((search: string | undefined, url: string, request: FastifyRequest) => string)
  /** How long the response's head may take, and each pause in its body, in ms. Default: the target's timeouts. */
  timeout?: number
  rewriteRequestHeaders?: (request: FastifyRequest, headers: Record<string, unknown>) => Record<string, unknown>
  onResponse?: (request: FastifyRequest, reply: FastifyReply, response: BackendResponse) => unknown
  onError?: (reply: FastifyReply, error: { error: Error }) => unknown
  getUpstream?: (request: FastifyRequest, base: string) => string
}
