// What src/quirks/fastify-route.ts relies on of Fastify, asked of Fastify alone.
import Fastify from 'fastify'
import type { FastifyInstance, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'

const handler = (): string => 'text'

t.test('route is a method that a scope inherits and that may be replaced; shorthands and HEAD beside GET go past it', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const declared: unknown[][] = []
  await app.register(async scope => {
    const { route } = scope
    scope.route = function (this: FastifyInstance, options: RouteOptions) {
      declared.push([this === scope, options.method, options.url])
      return Reflect.apply(route, this, [{ ...options, handler: () => 'replaced' }]) as FastifyInstance
    } as typeof route
    scope.route({ method: ['GET', 'POST'], url: '/a', handler })
    scope.get('/b', handler)
    await scope.register(fp(async same => { same.route({ method: 'GET', url: '/c', handler }) }))
    await scope.register(async within => { within.route({ method: 'GET', url: '/d', handler }) })
  })
  t.strictSame(declared, [[true, ['GET', 'POST'], '/a'], [true, 'GET', '/c'], [false, 'GET', '/d']])
  const bodies = await Promise.all(['/a', '/b', '/c', '/d'].map(async path => (await app.inject(path)).body))
  t.strictSame(bodies, ['replaced', 'text', 'replaced', 'replaced'])
  t.equal((await app.inject({ method: 'HEAD', url: '/a' })).statusCode, 200)
})

t.test('a slash in a prefix is two paths, of which onRoute hooks are told the first alone', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const told: unknown[][] = []
  app.addHook('onRoute', ({ method, url }) => { told.push([method, url]) })
  await app.register(async scope => {
    scope.route({ method: 'POST', url: '/', handler })
    scope.route({ method: 'POST', url: '/*', handler })
  }, { prefix: '/in' })
  t.strictSame(told, [['POST', '/in'], ['POST', '/in/*']])
  for (const url of ['/in', '/in/', '/in/deep']) t.equal((await app.inject({ method: 'POST', url })).statusCode, 200, url)
})

t.test('prefixTrailingSlash leaves one of the two paths out', async t => {
  for (const [rule, paths] of [['slash', ['/in/']], ['no-slash', ['/in']]] as const) {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(async scope => { scope.route({ method: 'POST', url: '/', handler, prefixTrailingSlash: rule }) }, { prefix: '/in' })
    for (const url of ['/in', '/in/']) {
      const { statusCode } = await app.inject({ method: 'POST', url })
      t.equal(statusCode, (paths as readonly string[]).includes(url) ? 200 : 404, `${rule} ${url}`)
    }
  }
})

t.test('a prefix that ends with a slash keeps one slash before a path', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async scope => { scope.route({ method: 'GET', url: '/a', handler }) }, { prefix: '/in/' })
  t.equal(app.hasRoute({ method: 'GET', url: '/in/a' }), true)
})

t.test('the error for a route that is there already has a code, and its path in its message', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/a', handler)
  t.throws(() => app.get('/a', handler), { code: 'FST_ERR_DUPLICATED_ROUTE', message: /for route '\/a'/ })
})

t.test('so has the error for one of several methods', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/a', handler)
  const declare = (): unknown => app.route({ method: ['GET', 'POST'], url: '/a', handler })
  t.throws(declare, { code: 'FST_ERR_DUPLICATED_ROUTE', message: /for route '\/a'/ })
})
