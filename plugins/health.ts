import fp from 'fastify-plugin'
import { OPERATOR_ROUTE } from '../src/gateway/operator-route.js'
import { readinessOf } from '../src/gateway/readiness.js'

/**
 * `GET /health/live`: 200 while the process can answer at all. `GET /health/ready`: 200 while it should get requests, 503 while it drains
 * or is under pressure. Saturated targets are counted, but readiness stays 200: another replica would find the same backend. Their names
 * are not in the answer, since a name is an origin by default. The admin surface and the metrics have the names.
 */
export const health = fp(async app => {
  app.get('/health/live', OPERATOR_ROUTE, () => ({ status: 'live' }))
  app.get('/health/ready', OPERATOR_ROUTE, (_request, reply) => {
    const readiness = readinessOf(app)
    reply.code(readiness.status === 'ready' ? 200 : 503)
    return readiness
  })
}, { name: 'holdfast-health', fastify: '5.x' })
