import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../metrics/metrics.js'
import type { ResolvedAdminOptions } from './admin-options.js'
import { serveApi } from './api.js'
import type { AdminSubject } from './api.js'
import { addSecurityHeaders, refuseOtherSites, refuseStrangers } from './guard.js'
import { readPage, servePage } from './page.js'
import { Refusal, answerError } from './refusal.js'
import { serve } from './serve.js'

/** The largest request body, in bytes: a few settings. */
const BODY_LIMIT = 16_384
/** How long a client may take for a request, in ms. A request to this surface is a few lines. */
const REQUEST_TIMEOUT = 10_000
/** The most connections. Further ones are closed at once: they would use file descriptors that the gateway's clients may need. */
const MAX_CONNECTIONS = 128
// The name of a target can be an origin and a prefix, percent-encoded.
const MAX_NAME_LENGTH = 4_096
// The page sends a request each second, so lines of level `info` are not logged here. An app that logs less keeps its level.
const QUIET = new Set(['error', 'fatal', 'silent'])

/** Makes the admin surface, ready to listen: the page for all callers, the API and the metrics for callers with the token. */
export async function adminListener (subject: AdminSubject, metrics: Metrics, options: ResolvedAdminOptions): Promise<FastifyInstance> {
  const { log } = subject
  const { token } = options
  const listener = Fastify({
    loggerInstance: log.child({ listener: 'admin' }, { level: QUIET.has(log.level) ? log.level : 'warn' }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    routerOptions: { maxParamLength: MAX_NAME_LENGTH },
    // Closing does not wait for readers of event streams.
    forceCloseConnections: true
  })
  listener.server.maxConnections = MAX_CONNECTIONS
  listener.removeContentTypeParser('text/plain')
  listener.setErrorHandler(answerError)
  listener.addHook('onRequest', addSecurityHeaders)
  listener.addHook('onRequest', refuseOtherSites(options))
  listener.setNotFoundHandler(() => { throw new Refusal(404, 'HOLDFAST_ADMIN_PATH', 'There is nothing of that name') })
  servePage(listener, await readPage())
  // The guard is a hook of a scope, not a test of the path: it runs for every route of the scope, in whatever form the path is written.
  listener.register(async scope => {
    scope.addHook('onRequest', refuseStrangers(token))
    serveApi(scope, subject, token !== undefined)
    serve(scope, '/metrics', { GET: async (_request, reply) => await reply.type(metrics.contentType).send(await metrics.text()) })
  })
  return listener
}
