import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'
import { proxy } from '../../src/index.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

type Wrap = (handler: RouteHandlerMethod) => RouteHandlerMethod

/** An onRoute hook like that of a guard or a tracer, which wraps each handler. */
function wrapping (app: FastifyInstance, wrap: Wrap): void {
  app.addHook('onRoute', options => { options.handler = wrap(options.handler) })
}

const guard: Wrap = handler => function (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
  if (request.headers['x-key'] === undefined) return reply.code(401).send({ message: 'no key' })
  return handler.call(this, request, reply)
}

async function checked (t: Test, prefix: string, before: (app: FastifyInstance) => void, methods = METHODS): Promise<void> {
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { log: true })
  const { url } = await gatewayFor(t, { routes: [{ upstream: backend.url, prefix, ...methods === METHODS ? {} : { httpMethods: methods } } as never], before })
  // A plain path takes the fast way, the other path the careful way.
  for (const path of ['/plain', '/%61']) {
    for (const method of METHODS) {
      t.equal((await request(`${url}${prefix}${path}`, { method })).status, methods.includes(method) || method === 'HEAD' ? 401 : 404, `${method} ${path} without a key`)
    }
  }
  t.equal(backend.log.length, 0, 'nothing passed the guard')
  t.equal((await request(`${url}${prefix}/plain`, { headers: { 'x-key': '1' } })).status, 200)
  t.equal(backend.log.length, 1)
}

for (const prefix of ['', '/api']) {
  t.test(`the fast way runs a guard that an onRoute hook wraps around handlers, with ${prefix === '' ? 'the root' : 'a prefix'}`, async t => {
    await checked(t, prefix, app => wrapping(app, guard))
    await checked(t, prefix, app => wrapping(app, guard), ['GET'])
  })
}

t.test('the wrappers of several scopes run in the order in which they were wrapped', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply())
  const ran: string[] = []
  const noting = (name: string): Wrap => handler => function (this: FastifyInstance, request, reply) {
    ran.push(name)
    return handler.call(this, request, reply)
  }
  const { url } = await gatewayFor(t, {
    gateway: false,
    before: async app => {
      wrapping(app, noting('first'))
      wrapping(app, noting('second'))
      await app.register(async scope => {
        wrapping(scope, noting('third'))
        await scope.register(proxy, { upstream: backend.url, prefix: '/api' })
      })
    }
  })
  t.equal((await request(`${url}/api/plain`)).status, 200)
  t.strictSame(ran, ['third', 'second', 'first'])
})

t.test('a route that an onRoute hook declares in the scope of the proxy keeps its handler', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply({ body: 'backend' }))
  const { url } = await gatewayFor(t, {
    routes: [{ upstream: backend.url, prefix: '/api' }],
    before: async app => {
      await app.register(fp(async scope => {
        let declared = false
        scope.addHook('onRoute', function (this: FastifyInstance, { url }) {
          if (declared || !url.startsWith('/api')) return
          declared = true
          this.route({ method: 'GET', url: '/own', handler: async () => 'own' })
        })
      }))
    }
  })
  t.equal((await request(`${url}/api/own`)).body.toString(), 'own')
  t.equal((await request(`${url}/api/other`)).body.toString(), 'backend')
})
