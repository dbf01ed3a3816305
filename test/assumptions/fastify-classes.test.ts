// What src/quirks/fastify-classes.ts relies on of Fastify, asked of Fastify alone.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'

type Class = { readonly prototype: object }

function keyOf (object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(symbol => symbol.description === description)
}

const classOf = (scope: object, description: string): Class => Reflect.get(scope, keyOf(scope, description)!) as Class

const decorate = (scope: FastifyInstance, name: string): void => {
  if (name === 'fastify.Request') scope.decorateRequest('mark', () => 'own')
  else scope.decorateReply('mark', () => 'own')
}

for (const name of ['fastify.Request', 'fastify.Reply']) {
  t.test(`a scope has a class of its own under the symbol ${name}, and a class says whether it has been decorated`, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(async scope => {
      const own = classOf(scope, name)
      t.type(own, 'function')
      t.ok(own !== classOf(app, name))
      t.notOk(keyOf(own, 'fastify.hasBeenDecorated'))
      decorate(scope, name)
      t.ok(keyOf(own, 'fastify.hasBeenDecorated'))
      t.ok('mark' in own.prototype)
      t.notOk('mark' in classOf(app, name).prototype)
    })
  })

  t.test(`a route's ${name} is that which its scope has when the route is declared`, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(async scope => {
      decorate(scope, name)
      const own = classOf(scope, name)
      const route = (path: string): void => {
        scope.get(path, (request, reply) => ({ own: 'mark' in (name === 'fastify.Reply' ? reply : request) }))
      }
      route('/before')
      Reflect.set(scope, keyOf(scope, name)!, classOf(app, name))
      route('/shared')
      Reflect.set(scope, keyOf(scope, name)!, own)
      route('/behind')
    })
    t.same((await app.inject('/before')).json(), { own: true })
    t.same((await app.inject('/shared')).json(), { own: false })
    t.same((await app.inject('/behind')).json(), { own: true })
  })
}

t.test('what an onRoute hook decorates is there for the route that it is told of', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRoute', function (this: FastifyInstance) { if (!this.hasReplyDecorator('late')) this.decorateReply('late', () => 'late') })
  await app.register(async scope => { scope.get('/', (_request, reply) => ({ late: 'late' in reply })) })
  t.same((await app.inject('/')).json(), { late: true })
})

t.test('decorators are methods that a scope inherits, which may be replaced', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const asked: unknown[][] = []
  const { decorateReply } = app
  app.decorateReply = function (this: FastifyInstance, ...given: unknown[]) {
    asked.push([this === app, given[0]])
    return Reflect.apply(decorateReply, this, given) as FastifyInstance
  } as typeof decorateReply
  app.decorateReply('a', () => 1)
  await app.register(async scope => { scope.decorateReply('b', () => 2) })
  t.strictSame(asked, [[true, 'a'], [false, 'b']])
})

t.test('a decoration with a getter is looked up each time, on the reply', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.decorateReply('where', { getter () { return this.server.prefix } })
  await app.register(async scope => { scope.get('/', (_request, reply) => Reflect.get(reply, 'where')) }, { prefix: '/in' })
  t.equal((await app.inject('/in')).body, '/in')
})
