import underPressure from '@fastify/under-pressure'
import type { FastifyUnderPressureOptions } from '@fastify/under-pressure'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

/** Options of `@fastify/under-pressure`. */
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

/** A route's config that lets it through under pressure. */
export const EXEMPT = { pressureHandler: () => undefined }
