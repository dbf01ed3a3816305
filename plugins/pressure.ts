import type { FastifyUnderPressureOptions } from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { registerReplaceable } from '../src/quirks/under-pressure.js'

/** Options of `@fastify/under-pressure`. */
export type PressureOptions = FastifyUnderPressureOptions

// An event loop that is a second late answers no request in time. Its utilisation has no limit by default: a gateway under full load may
// still answer quickly.
const DEFAULTS: PressureOptions = { maxEventLoopDelay: 1_000 }
// under-pressure's own default is the mean since the start of the process: after a quiet night it would be low until noon.
const INTERVAL = 'interval'

/**
 * Refuses requests while the process is overloaded. The state of targets has no part in it: otherwise one backend that hangs would stop the
 * requests to the others. An app that registers `@fastify/under-pressure` itself, before or after, keeps its own.
 */
export const pressure = fp<PressureOptions>(async (app, options) => {
  if (app.hasPlugin('@fastify/under-pressure')) return
  await registerReplaceable(app, { eventLoopUtilizationMode: INTERVAL, retryAfter: 1, ...DEFAULTS, ...options }, () => {
    app.log.info('the app registers @fastify/under-pressure itself: the gateway guards nothing any more')
  })
}, { name: 'holdfast-pressure', fastify: '5.x' })
