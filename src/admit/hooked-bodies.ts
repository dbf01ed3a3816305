import type { FastifyInstance } from 'fastify'
import { ignoreError } from '../errors.js'
import { preParsingHooksOf } from '../quirks/fastify-scope.js'

/**
 * Listens for the errors of a stream that a preParsing hook of the app has put in the place of a request's body. Such a stream may fail
 * while later hooks still run, before the forwarding listens, and an error without a listener would end the process. A scope without
 * preParsing hooks gets none: one alone makes Fastify run a chain of hooks for each request.
 */
export function acceptHookedBodies (app: FastifyInstance): void {
  if (preParsingHooksOf(app)?.length === 0) return
  app.addHook('preParsing', (request, _reply, payload, done) => {
    if (payload !== request.raw) payload.on('error', ignoreError)
    done(null, payload)
  })
}
