// What src/quirks/under-pressure.ts relies on of @fastify/under-pressure, asked of it alone.
import underPressure from '@fastify/under-pressure'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'

// Under pressure from the first measurement on.
const ALWAYS = { maxRssBytes: 1, sampleInterval: 10, retryAfter: 1 }

/** Registers it in an app whose `addHook` and `decorate` are listened to. */
async function registered (t: Test, options: object): Promise<{ app: FastifyInstance, hooks: unknown[][], decorations: string[] }> {
  const app = Fastify()
  t.teardown(() => app.close())
  const { addHook, decorate } = app
  const hooks: unknown[][] = []
  const decorations: string[] = []
  app.addHook = ((name: string, hook: (...given: unknown[]) => unknown) => {
    hooks.push([name, hook.length])
    return Reflect.apply(addHook, app, [name, hook]) as FastifyInstance
  }) as typeof addHook
  app.decorate = function (this: FastifyInstance, name: string, ...given: unknown[]) {
    t.ok(this === app)
    decorations.push(name)
    return Reflect.apply(decorate, this, [name, ...given]) as FastifyInstance
  } as typeof decorate
  await app.register(underPressure, options)
  app.addHook = addHook
  app.decorate = decorate
  return { app, hooks, decorations }
}

t.test('it adds one onRequest hook to the app, which calls back', async t => {
  const { hooks } = await registered(t, { maxEventLoopDelay: 1_000 })
  t.strictSame(hooks.filter(([name]) => name === 'onRequest'), [['onRequest', 3]])
})

t.test('it decorates the app with memoryUsage and isUnderPressure, each once, and with nothing else', async t => {
  const { decorations } = await registered(t, { maxEventLoopDelay: 1_000 })
  t.strictSame(decorations, ['memoryUsage', 'isUnderPressure'])
})

t.test('a second one stops the app, by its decorations', async t => {
  const { app } = await registered(t, {})
  await t.rejects(async () => await app.register(underPressure, {}), { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
})

t.test('its hook refuses under pressure, unless a route has a pressureHandler that returns nothing', async t => {
  const { app } = await registered(t, ALWAYS)
  app.get('/', () => 'text')
  app.get('/exempt', { config: { pressureHandler: () => undefined } }, () => 'text')
  await app.ready()
  while (!app.isUnderPressure()) await new Promise(resolve => setTimeout(resolve, 5))
  const refused = await app.inject('/')
  t.equal(refused.statusCode, 503)
  t.equal(refused.headers['retry-after'], '1')
  t.equal((await app.inject('/exempt')).statusCode, 200)
})
