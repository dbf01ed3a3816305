import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { mayOverlap } from '../src/admin/admin-options.js'
import type { ResolvedAdminOptions } from '../src/admin/admin-options.js'
import { targetSummaries } from '../src/admin/api.js'
import { boundUrl } from '../src/admin/bound-url.js'
import { EventStreams } from '../src/admin/event-streams.js'
import { History } from '../src/admin/history.js'
import { sampleEachSecond } from '../src/admin/history-sampling.js'
import { adminListenError } from '../src/admin/listen-failure.js'
import { adminListener } from '../src/admin/listener.js'
import { optionError } from '../src/errors.js'
import { readinessStateOf } from '../src/gateway/readiness.js'
import { stateBefore } from '../src/gateway/state.js'
import { metricsOf } from '../src/metrics/metrics.js'
import { listenAfter } from '../src/quirks/fastify-listen.js'

interface Address {
  readonly port: number
  /** undefined where it is not known. */
  readonly host: string | undefined
}

/**
 * The admin surface: a listener of its own for the page, the API, the event streams and the metrics, which the gateway's port does not
 * serve. It opens before the app listens, so that it answers when `app.listen()` has resolved. It closes with the app, after its drain.
 */
export const admin = fp<ResolvedAdminOptions>(async (app, options) => {
  const { host, port, required } = options
  const state = stateBefore('admin', app)
  const history = new History(Date.now)
  const unobserve = state.observe(history)
  const sampler = sampleEachSecond(history, state.targets)
  const streams = new EventStreams({ observe: observer => state.observe(observer), snapshot: () => targetSummaries(state.targets) })
  let opening: Promise<FastifyInstance | undefined> | undefined
  let closing = Promise.resolve()
  let ended = false

  const cancel = listenAfter(app.server, async given => {
    if (ended) return () => {}
    const opened = open(addressOf(given))
    await opened
    return () => { if (opening === opened) closeSoon() }
  })

  // For a server that listens in another way than by its method.
  app.addHook('onListen', async () => {
    // Fastify runs these hooks for an app too that was closed in the meantime.
    if (opening === undefined && !ended && app.server.listening) await open(undefined)
  })

  // Fastify closes the server between these two: one that began to listen after that would stay open.
  app.addHook('preClose', async () => {
    ended = true
    cancel()
  })

  app.addHook('onClose', async () => {
    streams.end()
    await close()
    sampler.stop()
    unobserve()
  })

  function open (appAddress: Address | undefined): Promise<FastifyInstance | undefined> {
    // A server that was closed by itself listens again.
    if (opening !== undefined) closeSoon()
    const opened = closing.then(() => listening(appAddress)).catch((error: unknown) => {
      if (required) throw error
      // The app serves its clients all the same: a gateway without its admin surface is better than none.
      app.log.error({ err: error, host, port }, 'the admin surface cannot listen')
      return undefined
    })
    opening = opened
    return opened
  }

  async function listening (appAddress: Address | undefined): Promise<FastifyInstance> {
    // Since the admin surface opens first, the app would be told that its port is in use.
    if (port !== 0 && port === appAddress?.port && mayOverlap(host, appAddress.host)) {
      throw optionError('admin.port', port, 'is the port of the app itself; give the admin surface a port of its own')
    }
    const metrics = metricsOf(state, () => readinessStateOf(app))
    const listener = await adminListener({ targets: state.targets, history, streams, log: app.log }, metrics, options)
    const url = await listener.listen({ host, port }).catch(async (error: unknown) => {
      await listener.close()
      throw adminListenError(error, options)
    })
    // `url` has a loopback address where all addresses are listened on, so that this machine can ask it.
    const bound = boundUrl(listener.server.address() as AddressInfo)
    state.admin = { url, boundUrl: bound }
    app.log.info({ url: bound }, 'the admin surface listens')
    return listener
  }

  /** Closes what is open, or is about to be. */
  function close (): Promise<void> {
    const opened = opening?.catch(() => undefined)
    opening = undefined
    closing = closing.then(async () => {
      const listener = await opened
      state.admin = undefined
      await listener?.close()
    })
    return closing
  }

  function closeSoon (): void {
    close().catch((err: unknown) => app.log.error({ err }, 'the admin surface did not close'))
  }
}, { name: 'holdfast-admin', fastify: '5.x' })

/** The address in what the server's `listen` was given; undefined where that is a path or a file descriptor. */
function addressOf (given: unknown): Address | undefined {
  const { port, host } = typeof given === 'object' && given !== null ? given as { port?: unknown, host?: unknown } : { port: given }
  return port === undefined ? undefined : { port: Number(port), host: typeof host === 'string' ? host : undefined }
}
