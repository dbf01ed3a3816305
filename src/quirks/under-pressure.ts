import underPressure from '@fastify/under-pressure'
import type { FastifyUnderPressureOptions } from '@fastify/under-pressure'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

const DECORATIONS = ['memoryUsage', 'isUnderPressure']

/**
 * Registers `@fastify/under-pressure` in such a way that the app may register it again. The app's own then takes the place of this one,
 * whose hook lets every request pass from then on. under-pressure adds its hook with the app's `addHook`, and decorates the app with its
 * `decorate`, once for each name. Its docs promise neither. If a later version does otherwise, an app that registers it again does not
 * start.
 *
 * @param onReplaced is called once, when the app has registered its own
 */
export async function registerReplaceable (
  app: FastifyInstance, options: FastifyUnderPressureOptions, onReplaced: () => void
): Promise<void> {
  const { addHook, decorate } = app
  let replaced = false
  app.addHook = ((name: string, hook: Hook) => {
    const given = name === 'onRequest' ? unless(() => replaced, hook) : hook
    return Reflect.apply(addHook, app, [name, given]) as FastifyInstance
  }) as typeof addHook
  await app.register(underPressure, options)
  app.addHook = addHook
  const names = new Set(DECORATIONS)
  app.decorate = function (this: FastifyInstance, name: string, ...given: unknown[]) {
    if (this !== app || !names.delete(name)) return Reflect.apply(decorate, this, [name, ...given]) as FastifyInstance
    if (!replaced) onReplaced()
    replaced = true
    Reflect.set(app, name, given[0])
    return this
  } as typeof decorate
}

function unless (over: () => boolean, hook: Hook): Hook {
  return (request, reply, done) => over() ? done() : hook(request, reply, done)
}
