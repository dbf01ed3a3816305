// What src/quirks/fastify-scope.ts relies on of Fastify, asked of Fastify alone.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'

function own (object: object, description: string): unknown {
  const key = Object.getOwnPropertySymbols(object).find(symbol => symbol.description === description)
  return key === undefined ? undefined : Reflect.get(object, key)
}

/** The app, a scope, and one within it, which exist once the app is ready. */
async function scopes (app: FastifyInstance): Promise<object[]> {
  const made: object[] = [app]
  await app.register(async scope => {
    made.push(scope)
    await scope.register(async within => { made.push(within) })
  })
  await app.ready()
  return made
}

t.test('the prototype of a scope is the scope around it, and that of an app is no scope', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const [root, scope, within] = await scopes(app)
  t.ok(Object.getPrototypeOf(scope!) === root)
  t.ok(Object.getPrototypeOf(within!) === scope)
  for (const one of [root!, scope!, within!]) t.ok('addHook' in one)
  t.notOk('addHook' in Object.getPrototypeOf(root!))
})

t.test('a request knows the scope of its route', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  let made: object | undefined
  await app.register(async scope => {
    made = scope
    Object.defineProperty(scope, 'mark', { value: true })
    scope.get('/within', ({ server }, reply) => ({ same: server === made && reply.server === made, mark: 'mark' in server }))
  })
  app.get('/', ({ server }) => ({ same: server === app, mark: 'mark' in server }))
  t.same((await app.inject('/within')).json(), { same: true, mark: true })
  t.same((await app.inject('/')).json(), { same: true, mark: false })
})

t.test('a scope keeps its preParsing hooks in a list of its own, with those that held around it when it was made', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const hook = async (): Promise<void> => {}
  const listed = (scope: object): number | undefined => {
    const hooks = own(scope, 'fastify.hooks') as { preParsing?: unknown[] } | undefined
    return hooks?.preParsing?.length
  }
  t.equal(listed(app), 0)
  await app.register(async scope => { t.equal(listed(scope), 0) })
  app.addHook('preParsing', hook)
  await app.register(async scope => {
    t.equal(listed(scope), 1)
    scope.addHook('preParsing', hook)
    await scope.register(async within => { t.equal(listed(within), 2) })
    t.equal(listed(scope), 2)
  })
  t.equal(listed(app), 1)
})
