import type { FastifyInstance } from 'fastify'
import type { Target } from '../target/target.js'
import { existingState } from './state.js'

/** Whether an app should get requests, and how many of its targets have requests in their queues. */
export interface Readiness { readonly status: 'ready' | 'draining' | 'pressure', readonly saturated: number }

export function readinessOf (app: FastifyInstance): Readiness {
  const state = existingState(app)
  const pressed = app.hasDecorator('isUnderPressure') && app.isUnderPressure()
  const status = state?.draining === true ? 'draining' : pressed ? 'pressure' : 'ready'
  const saturated = [...state?.targets ?? []].filter(isSaturated).length
  return { status, saturated }
}

function isSaturated (target: Target): boolean {
  return target.snapshot().connections.pending > 0
}
