import type { FastifyUnderPressureOptions } from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { registerReplaceable } from '../src/quirks/under-pressure.js'

export type PressureOptions = FastifyUnderPressureOptions

// A loop that is a second late answers nobody in time. Utilisation is not judged unless asked for: a gateway at full load is
// fully used and may still be quick.
const DEFAULTS: PressureOptions = { maxEventLoopDelay: 1_000 }
// Since the start of the process, as is under-pressure's own default, would remember a quiet night until noon.
const INTERVAL = 'interval'

/**
 * Guards what is process-wide, and nothing else: no target's state enters it, or one hung backend would take the others, and
 * the replica, out. An app that registers `@fastify/under-pressure` itself, before or after, keeps its own.
 */
export const pressure = fp<PressureOptions>(async (app, options) => {
  if (app.hasPlugin('@fastify/under-pressure')) return
  await registerReplaceable(app, { eventLoopUtilizationMode: INTERVAL, retryAfter: 1, ...DEFAULTS, ...options }, () => {
    app.log.info('the app registers @fastify/under-pressure itself: the gateway guards nothing any more')
  })
}, { name: 'holdfast-pressure', fastify: '5.x' })

/** A route's config that lets it through under pressure. */
export const EXEMPT = { pressureHandler: () => undefined }
