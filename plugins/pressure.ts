import underPressure from '@fastify/under-pressure'
import type { FastifyUnderPressureOptions } from '@fastify/under-pressure'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

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
  const { addHook, decorate } = app
  let replaced = false
  app.addHook = ((name: string, hook: Hook) => {
    const given = name === 'onRequest' ? unless(() => replaced, hook) : hook
    return Reflect.apply(addHook, app, [name, given]) as FastifyInstance
  }) as typeof addHook
  await app.register(underPressure, { eventLoopUtilizationMode: INTERVAL, retryAfter: 1, ...DEFAULTS, ...options })
  app.addHook = addHook
  // What under-pressure decorates an app with, it finds there when the app registers it.
  const names = new Set(['memoryUsage', 'isUnderPressure'])
  app.decorate = function (this: FastifyInstance, name: string, ...given: unknown[]) {
    if (this !== app || !names.delete(name)) return Reflect.apply(decorate, this, [name, ...given]) as FastifyInstance
    if (!replaced) app.log.info('the app registers @fastify/under-pressure itself: the gateway guards nothing any more')
    replaced = true
    Reflect.set(app, name, given[0])
    return this
  } as typeof decorate
}, { name: 'holdfast-pressure', fastify: '5.x' })

function unless (over: () => boolean, hook: Hook): Hook {
  return (request, reply, done) => over() ? done() : hook(request, reply, done)
}
