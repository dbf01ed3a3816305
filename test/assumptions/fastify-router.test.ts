// What src/quirks/fastify-router.ts relies on of Fastify's router, asked of Fastify alone.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'

type Strategy = Parameters<FastifyInstance['addConstraintStrategy']>[0]
type Handler = ReturnType<ReturnType<Strategy['storage']>['get']>

/** A constraint that holds for each request. */
function always (derived: () => void = () => {}): Strategy {
  return {
    name: 'always',
    validate: () => true,
    deriveConstraint: () => {
      derived()
      return 'yes'
    },
    storage () {
      let own: Handler = null
      return {
        get: () => own,
        set: (_value, handler) => { own = handler as unknown as Handler },
        del: () => { own = null },
        empty: () => { own = null }
      }
    }
  }
}

t.test('of two routes with one path, the router takes the one with a constraint that holds, in both orders of declaration', async t => {
  for (const order of ['before', 'after']) {
    const app = Fastify()
    t.teardown(() => app.close())
    app.addConstraintStrategy(always())
    const declare = [
      () => app.route({ method: 'GET', url: '/*', handler: () => 'plain' }),
      () => app.route({ method: 'GET', url: '/*', constraints: { always: 'yes' }, handler: () => 'constrained' })
    ]
    for (const one of order === 'before' ? declare : declare.reverse()) one()
    t.equal((await app.inject('/a')).body, 'constrained', order)
  }
})

t.test('so it is beside a constraint on the host', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addConstraintStrategy(always())
  app.route({ method: 'GET', url: '/*', constraints: { host: 'a.test' }, handler: () => 'host' })
  app.route({ method: 'GET', url: '/*', constraints: { host: 'a.test', always: 'yes' }, handler: () => 'both' })
  t.equal((await app.inject({ url: '/a', headers: { host: 'a.test' } })).body, 'both')
  t.equal((await app.inject({ url: '/a', headers: { host: 'b.test' } })).statusCode, 404)
})

t.test('a strategy may be added while plugins are loaded, from a scope, and holds for the app', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/', () => 'plain')
  await app.register(async scope => {
    t.equal(scope.hasConstraintStrategy('always'), false)
    scope.addConstraintStrategy(always())
  })
  t.equal(app.hasConstraintStrategy('always'), true)
  app.route({ method: 'GET', url: '/', constraints: { always: 'yes' }, handler: () => 'constrained' })
  t.equal((await app.inject('/')).body, 'constrained')
})

t.test('what an onRoute hook leaves in constraints is what the route has', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addConstraintStrategy(always())
  app.route({ method: 'GET', url: '/a', handler: () => 'plain' })
  app.addHook('onRoute', options => { options.constraints = { ...options.constraints, always: 'yes' } })
  await app.register(async scope => { scope.get('/a', () => 'constrained') })
  t.equal((await app.inject('/a')).body, 'constrained')
  t.equal(app.hasRoute({ method: 'GET', url: '/a', constraints: { always: 'yes' } }), true)
})

t.test('hasRoute compares constraints whole', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.route({ method: 'GET', url: '/a', constraints: { host: 'a.test' }, handler: () => 'text' })
  t.equal(app.hasRoute({ method: 'GET', url: '/a' }), false)
  t.equal(app.hasRoute({ method: 'GET', url: '/a', constraints: { host: 'b.test' } }), false)
  t.equal(app.hasRoute({ method: 'GET', url: '/a', constraints: { host: 'a.test' } }), true)
})

t.test('an asterisk is the path of everything', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.route({ method: 'OPTIONS', url: '*', handler: () => 'any' })
  t.equal(app.hasRoute({ method: 'OPTIONS', url: '/*' }), true)
  t.equal((await app.inject({ method: 'OPTIONS', url: '/a/b' })).body, 'any')
})

t.test('findRoute looks for what a request would come to, and tells its parameters, decoded; it asks no strategy', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  let derived = 0
  app.addConstraintStrategy(always(() => { derived++ }))
  app.route({ method: 'GET', url: '/users/:id', handler: () => 'one' })
  app.route({ method: 'GET', url: '/files/*', constraints: { host: 'a.test', always: 'yes' }, handler: () => 'many' })
  t.same(app.findRoute({ method: 'GET', url: '/users/a%20b?c=d', constraints: {} })?.params, { id: 'a b' })
  t.same(app.findRoute({ method: 'GET', url: '/files/a/b', constraints: { host: 'a.test', always: 'yes' } })?.params, { '*': 'a/b' })
  t.equal(app.findRoute({ method: 'GET', url: '/files/a', constraints: { host: 'b.test', always: 'yes' } }), null)
  t.equal(app.findRoute({ method: 'GET', url: '/files/a', constraints: { host: 'a.test' } }), null)
  t.equal(app.findRoute({ method: 'GET', url: '/none', constraints: {} }), null)
  t.equal(derived, 0)
})
