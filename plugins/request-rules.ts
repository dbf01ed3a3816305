import type { IncomingMessage, Server } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { HoldfastError, ignoreError } from '../src/errors.js'
import { hasBody } from '../src/http/message-body.js'
import { endPipeline, isBehind, isPipelineOver, startInTurn } from '../src/admit/pipelining.js'
import { hideContentType, isOddContentType, maxForwardsOf, originForm, refusalOf } from '../src/admit/request-rules.js'
import type { Refusal } from '../src/admit/request-rules.js'
import { ALLOW, listenTo, listenToOthers } from '../src/admit/server-events.js'
import { endUnreadUpload } from '../src/admit/unread-upload.js'

const NAME = 'holdfast-request-rules'
// Lines that node keeps where nobody has set a `maxHeadersCount`; the rest it drops without a word.
const NODES_MOST_LINES = 1_000

/**
 * Refuses requests that two servers could understand in two ways, and closes their connections; nothing of them is repaired, and
 * nothing sent to a backend. Holds for every route of the scope that it is registered in, and for what has no route there; where
 * a scope around it has it already, for nothing more.
 */
export async function registerRequestRules (app: FastifyInstance): Promise<void> {
  if (!app.hasPlugin(NAME)) await app.register(requestRules)
}

const requestRules = fp(async app => {
  const server = app.server as Server
  listenTo(server)
  app.addHook('onListen', done => {
    listenToOthers(app, server)
    done()
  })

  app.addHook('onRequest', (request, reply, done) => {
    const message = request.raw
    const http1 = message.httpVersionMajor === 1 || !('stream' in message)
    const behind = http1 && isBehind(message, reply.raw)
    // Also what follows a refused request: it may be that one's body, and no request at all.
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
  })
}, { name: NAME, fastify: '5.x' })

const kStreams = Symbol('holdfast.streams')

/**
 * Says of a scope that what its routes get is streamed to a backend, whatever type it is of. Fastify refuses an empty or a
 * malformed Content-Type before any parser is asked; there it is not shown one, and the forwarding takes it from `rawHeaders`.
 */
export function streamBodies (app: FastifyInstance): void {
  Object.defineProperty(app, kStreams, { value: true })
}

/**
 * Takes what preParsing hooks of the app have put in the place of a body: it may fail before the forwarding listens, while hooks that come
 * later take their time, and would end the process. Where the scope has no such hook it adds none, which would cost each request a runner of hooks.
 */
export function acceptHookedBodies (app: FastifyInstance): void {
  if (!hasPreParsing(app)) return
  app.addHook('preParsing', (request, _reply, payload, done) => {
    if (payload !== request.raw) payload.on('error', ignoreError)
    done(null, payload)
  })
}

// Fastify has no API that lists its hooks. Where a later version keeps them by another name, the answer is that there may be some.
function hasPreParsing (app: FastifyInstance): boolean {
  const key = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.hooks')
  const hooks = key === undefined ? undefined : Reflect.get(app, key) as { preParsing?: unknown[] } | undefined
  return hooks?.preParsing?.length !== 0
}

function streamsBodies (app: FastifyInstance): boolean {
  return kStreams in app
}

function mostLinesOf ({ maxHeadersCount }: Server): number {
  if (maxHeadersCount === null || maxHeadersCount === undefined) return NODES_MOST_LINES
  // At just as many as were allowed it cannot be told whether there were more.
  return maxHeadersCount === 0 ? Infinity : maxHeadersCount - 1
}

function refuse (http1: boolean, message: IncomingMessage, reply: FastifyReply, { code, message: why }: Refusal, done: (error: Error) => void): void {
  if (http1) {
    endPipeline(message)
    reply.header('connection', 'close')
  }
  // RFC 9110 section 15.5.6.
  if (code === 'HOLDFAST_ERR_METHOD') reply.header('allow', ALLOW)
  done(new HoldfastError(code, { message: why }))
}

function countDown ({ headers, rawHeaders }: IncomingMessage, left: number): void {
  headers['max-forwards'] = String(left)
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === 'max-forwards') rawHeaders[i + 1] = String(left)
  }
}
