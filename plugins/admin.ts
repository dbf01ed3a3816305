import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { History } from '../src/admin/history.js'
import { HoldfastError } from '../src/errors.js'
import { serveApi, targetList } from '../src/admin/api.js'
import { EventStreams } from '../src/admin/event-streams.js'
import { addSecurityHeaders, refuseOtherSites, refuseStrangers } from '../src/admin/guard.js'
import type { ResolvedAdminOptions } from '../src/admin/admin-options.js'
import { readPage, servePage } from '../src/admin/page.js'
import { Refusal, answerError } from '../src/admin/refusal.js'
import { serve } from '../src/admin/serve.js'
import { metricsOf } from './metrics.js'
import { existingState } from '../src/gateway/state.js'
import type { GatewayState } from '../src/gateway/state.js'

/** The largest request body, in bytes: a few settings. */
const BODY_LIMIT = 16_384
/** A request is a few lines; whoever takes longer for them, in ms, has something else in mind. */
const REQUEST_TIMEOUT = 10_000
/** Of which a few are streams. More are ended at once: they would be file descriptors that clients of the gateway may need. */
const MAX_CONNECTIONS = 128
// Names of targets are origins and prefixes, percent-encoded.
const MAX_NAME_LENGTH = 4_096
const SECOND = 1_000
// A page asks each second: what it asks is not logged, and no more than the app wants to have logged.
const QUIET = new Set(['error', 'fatal', 'silent'])

/**
 * The admin surface: a listener of its own for the page, the API and the event streams, so that nothing of it can be reached where the
 * gateway's clients are. It opens when the app listens and ends with the app, after its drain.
 */
export const admin = fp<ResolvedAdminOptions>(async (app, options) => {
  const state = existingState(app)
  if (state === undefined) throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: 'the admin plugin needs the gateway plugin before it' })
  const history = new History(Date.now)
  const unobserve = state.observe(history)
  const sampler = sampleEachSecond(history, state)
  const streams = new EventStreams({ observe: observer => state.observe(observer), snapshot: () => targetList(state.targets) })
  let opening: Promise<FastifyInstance | undefined> | undefined

  app.addHook('onListen', async () => {
    // Another one's hook may have taken so long that the app has closed meanwhile.
    if (!app.server.listening) return
    opening = open(app, state, history, streams, options).catch((err: unknown) => {
      // Clients are served all the same: a gateway that nobody watches is better than none.
      app.log.error({ err, host: options.host, port: options.port }, 'the admin surface cannot listen')
      return undefined
    })
    await opening
  })

  app.addHook('onClose', async () => {
    const listener = await opening
    streams.end()
    await listener?.close()
    state.admin = undefined
    sampler.stop()
    unobserve()
  })
}, { name: 'holdfast-admin', fastify: '5.x' })

async function open (app: FastifyInstance, state: GatewayState, history: History, streams: EventStreams, { host, port, token }: ResolvedAdminOptions): Promise<FastifyInstance> {
  const listener = Fastify({
    loggerInstance: app.log.child({ listener: 'admin' }, { level: QUIET.has(app.log.level) ? app.log.level : 'warn' }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    routerOptions: { maxParamLength: MAX_NAME_LENGTH },
    // Nobody's reader is waited for.
    forceCloseConnections: true
  })
  const metrics = metricsOf(state)
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
    serveApi(scope, { targets: state.targets, history, streams, log: app.log })
    serve(scope, '/metrics', { GET: async (_request, reply) => await reply.type(metrics.contentType).send(await metrics.text()) })
  })
  const url = await listener.listen({ host, port })
  state.admin = { url }
  app.log.info({ url }, 'the admin surface listens')
  return listener
}

/** Tells a history, at the beginning of each second, how many requests each target has had. */
function sampleEachSecond (history: History, { targets }: GatewayState): { stop (): void } {
  let timer: NodeJS.Timeout
  const wait = (): void => { timer = setTimeout(sample, SECOND - Date.now() % SECOND).unref() }
  const sample = (): void => {
    history.sample([...targets].map(target => [target.name, target.snapshot().totals.requests]))
    wait()
  }
  wait()
  return { stop: () => clearTimeout(timer) }
}
