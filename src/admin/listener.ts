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
/** A request is a few lines; whoever takes longer for them, in ms, has something else in mind. */
const REQUEST_TIMEOUT = 10_000
/** Of which a few are streams. More are ended at once: they would be file descriptors that clients of the gateway may need. */
const MAX_CONNECTIONS = 128
// Names of targets are origins and prefixes, percent-encoded.
const MAX_NAME_LENGTH = 4_096
// A page asks each second: what it asks is not logged, and no more than the app wants to have logged.
const QUIET = new Set(['error', 'fatal', 'silent'])

/** Makes what listens for the admin surface: the page for all, and the API and the metrics for those with the token. */
export async function adminListener (subject: AdminSubject, metrics: Metrics, options: ResolvedAdminOptions): Promise<FastifyInstance> {
  const { log } = subject
  const { host, token } = options
  const listener = Fastify({
    loggerInstance: log.child({ listener: 'admin' }, { level: QUIET.has(log.level) ? log.level : 'warn' }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    routerOptions: { maxParamLength: MAX_NAME_LENGTH },
    // Nobody's reader is waited for.
    forceCloseConnections: true
  })
  listener.server.maxConnections = MAX_CONNECTIONS
  listener.removeContentTypeParser('text/plain')
  listener.setErrorHandler(answerError)
  listener.addHook('onRequest', addSecurityHeaders)
  listener.addHook('onRequest', refuseOtherSites(host))
  listener.setNotFoundHandler(() => { throw new Refusal(404, 'HOLDFAST_ADMIN_PATH', 'There is nothing of that name') })
  servePage(listener, await readPage())
  // A scope of its own, and not a test of the path: however a path is written, what it leads to is guarded.
  listener.register(async scope => {
    scope.addHook('onRequest', refuseStrangers(token))
    serveApi(scope, subject)
    serve(scope, '/metrics', { GET: async (_request, reply) => await reply.type(metrics.contentType).send(await metrics.text()) })
  })
  return listener
}
