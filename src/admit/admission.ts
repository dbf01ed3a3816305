import type { IncomingMessage, Server } from 'node:http'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { HoldfastError } from '../errors.js'
import { hasBody, isHttp2 } from '../http/message-body.js'
import { mostLinesOf } from './header-lines.js'
import { countDown, maxForwardsOf } from './max-forwards.js'
import { hideContentType, isOddContentType, streamsBodies } from './odd-content-type.js'
import { endPipeline, isBehind, isPipelineOver, startInTurn } from './pipelining.js'
import { ALLOW } from './refused-methods.js'
import { originForm, refusalOf } from './request-rules.js'
import type { Refusal } from './request-rules.js'
import { endUnreadUpload } from './unread-upload.js'

/**
 * Step 1, an onRequest hook. A request that two servers could understand in two ways is refused and its connection closed: Holdfast repairs
 * no such request, and sends no part of it to a backend. An OPTIONS request that is meant for this server is answered here. Any other
 * request goes on by `done`; a pipelined one does so in its turn. A request behind the end of its pipeline never goes on.
 *
 * @param server the app's first server
 */
export function admit (server: Server, request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
  const message = request.raw
  const http1 = !isHttp2(message)
  const behind = http1 && isBehind(message, reply.raw)
  // What follows a refused request may be a part of that request's body.
  if (behind && isPipelineOver(message)) return
  const refusal = refusalOf(message, http1, mostLinesOf(server))
  if (refusal !== undefined) return refuse(http1, message, reply, refusal, done)
  if (!message.url!.startsWith('/')) message.url = originForm(message.url!, message.method)
  if (message.method === 'OPTIONS') {
    const left = maxForwardsOf(message.headers)
    if (typeof left === 'object') return refuse(http1, message, reply, left, done)
    if (message.url === '*' || left === 0) {
      reply.code(204).send()
      return
    }
    if (left !== undefined) countDown(message, left - 1)
  }
  if (hasBody(message)) endUnreadUpload(message, reply.raw)
  const type = message.headers['content-type']
  if (type !== undefined && isOddContentType(type) && streamsBodies(request.server)) hideContentType(message)
  if (behind) startInTurn(message, reply.raw, done)
  else done()
}

function refuse (http1: boolean, message: IncomingMessage, reply: FastifyReply, refusal: Refusal, done: HookHandlerDoneFunction): void {
  const { code, message: why } = refusal
  if (http1) {
    endPipeline(message)
    reply.header('connection', 'close')
  }
  // RFC 9110 section 15.5.6.
  if (code === 'HOLDFAST_ERR_METHOD') reply.header('allow', ALLOW)
  done(new HoldfastError(code, { message: why }))
}
