import fp from 'fastify-plugin'
import type { Target } from '../src/target/target.js'
import { EXEMPT } from './pressure.js'
import { existingState } from '../src/gateway/state.js'

/**
 * `GET /health/live`: 200 while the process can answer at all. `GET /health/ready`: 200 while it should be sent requests, 503
 * while it drains or the process is under pressure. Saturated targets are counted there but do not fail it: another replica
 * would find the same backend. Their names are not told, since a name is an origin unless it is given: the admin surface and the
 * metrics have them.
 */
export const health = fp(async app => {
  app.get('/health/live', { config: EXEMPT, logLevel: 'warn' }, () => ({ status: 'live' }))
  app.get('/health/ready', { config: EXEMPT, logLevel: 'warn' }, (_request, reply) => {
    const state = existingState(app)
    const pressed = app.hasDecorator('isUnderPressure') && app.isUnderPressure()
    const status = state?.draining === true ? 'draining' : pressed ? 'pressure' : 'ready'
    const saturated = [...state?.targets ?? []].filter(isSaturated).length
    reply.code(status === 'ready' ? 200 : 503)
    return { status, saturated }
  })
}, { name: 'holdfast-health', fastify: '5.x' })

function isSaturated (target: Target): boolean {
  return target.snapshot().connections.pending > 0
}
