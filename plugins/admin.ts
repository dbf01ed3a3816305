import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { ResolvedAdminOptions } from '../src/admin/admin-options.js'
import { targetList } from '../src/admin/api.js'
import { EventStreams } from '../src/admin/event-streams.js'
import { History } from '../src/admin/history.js'
import { sampleEachSecond } from '../src/admin/history-sampling.js'
import { adminListener } from '../src/admin/listener.js'
import { stateBefore } from '../src/gateway/state.js'
import { metricsOf } from '../src/metrics/metrics.js'

/**
 * The admin surface: a listener of its own for the page, the API, the event streams and the metrics, which the gateway's port does not
 * serve. It opens when the app listens, and closes with the app, after its drain.
 */
export const admin = fp<ResolvedAdminOptions>(async (app, options) => {
  const { host, port } = options
  const state = stateBefore('admin', app)
  const history = new History(Date.now)
  const unobserve = state.observe(history)
  const sampler = sampleEachSecond(history, state.targets)
  const streams = new EventStreams({ observe: observer => state.observe(observer), snapshot: () => targetList(state.targets) })
  let opening: Promise<FastifyInstance | undefined> | undefined

  app.addHook('onListen', async () => {
    // The app may have been closed while hooks before this one ran.
    if (!app.server.listening) return
    opening = open().catch((err: unknown) => {
      // The app serves its clients all the same: a gateway without its admin surface is better than none.
      app.log.error({ err, host, port }, 'the admin surface cannot listen')
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

  async function open (): Promise<FastifyInstance> {
    const listener = await adminListener({ targets: state.targets, history, streams, log: app.log }, metricsOf(state), options)
    const url = await listener.listen({ host, port })
    state.admin = { url }
    app.log.info({ url }, 'the admin surface listens')
    return listener
  }
}, { name: 'holdfast-admin', fastify: '5.x' })
