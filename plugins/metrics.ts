import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { OPERATOR_ROUTE } from '../src/gateway/operator-route.js'
import { readinessStateOf } from '../src/gateway/readiness.js'
import { stateBefore } from '../src/gateway/state.js'
import { metricsOf } from '../src/metrics/metrics.js'
import type { MetricsOptions } from '../src/options/option-types.js'

/**
 * Counts an app's connections, and the requests of routes that are registered after it. Serves the metrics where a path is given: all
 * clients of the gateway can read them there, names and addresses of targets included.
 */
export const metrics = fp<Partial<MetricsOptions>>(async (app, { path }) => {
  const metrics = metricsOf(stateBefore('metrics', app), () => readinessStateOf(app))
  const { recorder } = metrics
  const served = (url: string | undefined) => (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    recorder.served(url, request.method, reply.statusCode, reply.elapsedTime)
    done()
  }
  // One hook for each route, which knows the route's pattern: `request.routeOptions` makes a new object at each access, which costs more
  // than all the rest here.
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
