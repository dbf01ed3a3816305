import type { FastifyInstance } from 'fastify'
import type { ReadinessState } from '../metrics/scrape.js'
import type { Target } from '../target/target.js'
import { existingState } from './state.js'

/** Whether an app should get requests, and how many of its targets have requests in their queues. */
export interface Readiness { readonly status: ReadinessState, readonly saturated: number }

export function readinessOf (app: FastifyInstance): Readiness {
  const saturated = [...existingState(app)?.targets ?? []].filter(isSaturated).length
  return { status: readinessStateOf(app), saturated }
}

/** The same without the targets. */
export function readinessStateOf (app: FastifyInstance): ReadinessState {
  if (existingState(app)?.draining === true) return 'draining'
  return app.hasDecorator('isUnderPressure') && app.isUnderPressure() ? 'pressure' : 'ready'
}

function isSaturated (target: Target): boolean {
  return target.snapshot().connections.pending > 0
}
