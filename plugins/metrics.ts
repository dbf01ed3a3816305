import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Metrics } from '../src/metrics/metrics.js'
import { EXEMPT } from './pressure.js'
import { existingState } from '../src/gateway/state.js'
import type { GatewayState } from '../src/gateway/state.js'
import { HoldfastError } from '../src/errors.js'
import type { MetricsOptions } from '../src/options/option-types.js'

const recorded = new WeakMap<GatewayState, Metrics>()

/** An app's metrics: `contentType`, and `text()` in Prometheus' format. They count from the first call, or from the plugin, on. */
export function metricsOf (state: GatewayState): Metrics {
  let metrics = recorded.get(state)
  if (metrics === undefined) {
    recorded.set(state, metrics = new Metrics(state.targets))
    state.observe(metrics.recorder)
  }
  return metrics
}

/**
 * Counts for metrics what an app's connections and requests do, those of routes registered after it; serves them where a path is given.
 * `GET` of that path is what all of the gateway's clients may read: targets' names and addresses are in it.
 */
export const metrics = fp<Partial<MetricsOptions>>(async (app, { path }) => {
  const state = existingState(app)
  if (state === undefined) throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: 'the metrics plugin needs the gateway plugin before it' })
  const metrics = metricsOf(state)
  const { recorder } = metrics
  const served = (url: string | undefined) => (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    recorder.served(url, request.method, reply.statusCode, reply.elapsedTime)
    done()
  }
  // A hook a route, which knows its pattern: request.routeOptions is made anew each time that it is asked for, and takes longer than all else here.
  app.addHook('onRoute', route => {
    if (route.url === path) return
    route.onResponse = [route.onResponse ?? [], served(route.url)].flat()
  })
  const lost = served(undefined)
  app.addHook('onResponse', (request, reply, done) => request.is404 ? lost(request, reply, done) : done())
  app.addHook('onClose', async () => metrics.close())
  if (path === undefined) return
  app.get(path, { config: EXEMPT, logLevel: 'warn' }, async (_request, reply) => {
    reply.type(metrics.contentType)
    return await metrics.text()
  })
}, { name: 'holdfast-metrics', fastify: '5.x' })
