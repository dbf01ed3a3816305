import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { optionError } from '../src/errors.js'
import { metricsOf } from '../src/metrics/metrics.js'
import { refuseUnknown } from '../src/options/options.js'
import { OPERATOR_ROUTE } from '../src/gateway/operator-route.js'
import { stateBefore } from '../src/gateway/state.js'

/** Where metrics are served to whoever can reach the gateway. */
export interface MetricsOptions {
  /** Begins with `/`. It goes before proxied routes. */
  path: string
}

/**
 * Counts for metrics what an app's connections and requests do, those of routes registered after it; serves them where a path is given.
 * `GET` of that path is what all of the gateway's clients may read: targets' names and addresses are in it.
 */
export const metrics = fp<Partial<MetricsOptions>>(async (app, { path }) => {
  const metrics = metricsOf(stateBefore('metrics', app))
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
  app.get(path, OPERATOR_ROUTE, async (_request, reply) => {
    reply.type(metrics.contentType)
    return await metrics.text()
  })
}, { name: 'holdfast-metrics', fastify: '5.x' })

/** Throws HOLDFAST_ERR_OPTION for what names no path. */
export function metricsOptions (given: MetricsOptions): MetricsOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw optionError('metrics', given, 'must be an object like { path: \'/metrics\' }')
  refuseUnknown(given, ['path'], 'metrics.')
  if (typeof given.path !== 'string' || !given.path.startsWith('/')) throw optionError('metrics.path', given.path, 'is no path; give one that begins with a slash, like /metrics')
  return { path: given.path }
}
