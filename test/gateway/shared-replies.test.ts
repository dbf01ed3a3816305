import httpProxy from '@fastify/http-proxy'
import replyFrom from '@fastify/reply-from'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import { answer } from '../../testing/answer.js'
import type { Backend } from '../../testing/backend.js'
import { request } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'

const twoBackends = (t: Test): Promise<Backend[]> => Promise.all(['a', 'b'].map(name => backendFor(t, ({ path }, connection) => connection.reply({ body: `${name} ${path}` }))))
const body = async (url: string): Promise<string> => (await request(url)).body.toString()

t.test('reply.from in a hook or a handler goes to the route\'s target', async t => {
  const [a, b] = await twoBackends(t) as [Backend, Backend]
  const preHandler = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    if (request.headers['x-short-cut'] === undefined) done()
    else reply.from('/cut')
  }
  const handler = (_request: FastifyRequest, reply: FastifyReply): unknown => reply.from('/handled')
  const { url, gateway: { targets } } = await gatewayFor(t, {
    routes: [
      { prefix: '/a', upstream: a.url, preHandler },
      { prefix: '/b', upstream: b.url, preHandler },
      { prefix: '/c', upstream: b.url, handler: handler as never }
    ]
  })
  for (const [prefix, name] of [['/a', 'a'], ['/b', 'b']] as const) {
    t.equal(await body(`${url}${prefix}/x`), `${name} /x`)
    t.equal((await request(`${url}${prefix}/x`, { headers: { 'x-short-cut': '1' } })).body.toString(), `${name} /cut`)
  }
  t.equal(await body(`${url}/c/x`), 'b /handled')
  t.strictSame([...targets].map(target => target.snapshot().connections.idle), [1, 1], 'all of it over the connections of the targets')
  t.strictSame([a.accepted, b.accepted], [1, 1])
})

t.test('reply.fromParameters uses the prefix of its route, and exists only on proxied routes', async t => {
  const [a, b] = await twoBackends(t) as [Backend, Backend]
  const seen: unknown[] = []
  const preHandler = (_request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    seen.push((reply as unknown as { fromParameters (url: string, params: object, prefix: string): { url: string } }).fromParameters('/a/x', {}, '/a').url)
    done()
  }
  const { url } = await gatewayFor(t, {
    routes: [{ prefix: '/a', upstream: a.url, rewritePrefix: '/one', preHandler }, { prefix: '/b', upstream: b.url, rewritePrefix: '/two', preHandler }],
    before: app => {
      app.get('/local', async (_request, reply) => ['fromParameters', 'wsProxy'].map(name => String(Reflect.get(reply, name))))
    }
  })
  await body(`${url}/a/x`)
  await body(`${url}/b/x`)
  t.strictSame(seen, ['/one/x', '/two/x'])
  t.equal(await body(`${url}/local`), '["undefined","undefined"]')
})

t.test('an app\'s handlers have a reply.from over the declared targets', async t => {
  const [a] = await twoBackends(t) as [Backend]
  const { url } = await gatewayFor(t, {
    routes: [{ prefix: '/a', upstream: a.url }],
    before: app => { app.get('/local', (_request, reply) => { reply.from(`${a.url}/chosen`) }) }
  })
  t.equal(await body(`${url}/a/x`), 'a /x')
  t.equal(await body(`${url}/local`), 'a /chosen')
  t.equal(a.accepted, 1)
})

t.test('the app\'s decorators of requests and replies are there on proxied routes, in whichever scope they are added', async t => {
  const [a] = await twoBackends(t) as [Backend]
  const seen: Array<Record<string, unknown>> = []
  const names = ['everywhere', 'registered', 'inside', 'method']
  const note = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    seen.push(Object.fromEntries(names.map(name => [name, Reflect.get(reply, name) ?? Reflect.get(request, name)])))
  }
  const { url } = await gatewayFor(t, {
    gateway: false,
    before: async app => {
      await app.register(gateway)
      app.decorateReply('everywhere', 'everywhere')
      app.addHook('onRegister', (scope: FastifyInstance, { prefix }) => { if (prefix === '/a') scope.decorateReply('registered', 'registered') })
      app.addHook('onRequest', note)
      app.register(async scope => {
        scope.decorateRequest('inside', 'inside')
        scope.decorateReply('method', () => 'called')
        await scope.register(proxy, { prefix: '/inner', upstream: a.url })
      })
    },
    routes: [{ prefix: '/a', upstream: a.url }, { prefix: '/b', upstream: a.url }]
  })
  for (const path of ['/a/x', '/b/x', '/inner/x']) t.equal(await body(`${url}${path}`), 'a /x')
  t.match(seen, [
    { everywhere: 'everywhere', registered: 'registered', inside: undefined },
    { everywhere: 'everywhere', registered: undefined, inside: undefined },
    { everywhere: 'everywhere', registered: undefined, inside: 'inside', method: Function }
  ])
})

t.test('proxied routes share the request and reply classes of the scope around them', async t => {
  const [a, b] = await twoBackends(t) as [Backend, Backend]
  const classes = new Set<unknown>()
  const { url } = await gatewayFor(t, {
    routes: [{ prefix: '/a', upstream: a.url }, { prefix: '/b', upstream: b.url }],
    before: app => {
      app.addHook('onRequest', async (request, reply) => { classes.add(request.constructor).add(reply.constructor) })
      app.get('/local', async () => 'local')
    }
  })
  for (const path of ['/a/x', '/b/x', '/local']) t.equal((await request(`${url}${path}`)).status, 200)
  t.equal(classes.size, 2)
})

t.test('a scope that registers reply-from or http-proxy itself has its own, before or after a proxied route', async t => {
  const [a, b] = await twoBackends(t) as [Backend, Backend]
  const preHandler = (_request: FastifyRequest, reply: FastifyReply): void => { reply.from('/hooked') }
  const { url } = await gatewayFor(t, {
    gateway: false,
    routes: [{ prefix: '/a', upstream: a.url }],
    before: async app => {
      await app.register(gateway)
      app.register(async scope => {
        await scope.register(replyFrom, { base: b.url })
        scope.get('/own', (_request, reply) => { reply.from('/based') })
        await scope.register(proxy, { prefix: '/managed', upstream: a.url, preHandler })
      })
      app.register(async scope => {
        await scope.register(proxy, { prefix: '/before', upstream: a.url, preHandler })
        await scope.register(replyFrom, { base: b.url })
        scope.get('/after', (_request, reply) => { reply.from('/based') })
      })
      app.register(httpProxy, { prefix: '/stock', upstream: b.url })
    }
  })
  t.equal(await body(`${url}/own`), 'b /based')
  t.equal(await body(`${url}/managed/x`), 'a /hooked')
  t.equal(await body(`${url}/before/x`), 'a /hooked')
  t.equal(await body(`${url}/after`), 'b /based')
  t.equal(await body(`${url}/stock/x`), 'b /x')
  t.equal(await body(`${url}/a/x`), 'a /x')
})

t.test('reply-from is a plugin of the app, and once more the app\'s own', async t => {
  const [a] = await twoBackends(t) as [Backend]
  await gatewayFor(t, {
    gateway: false,
    routes: [{ prefix: '/a', upstream: a.url }],
    before: async app => {
      await app.register(gateway)
      t.ok(app.hasPlugin('@fastify/reply-from'))
      await app.register(fp(async () => {}, { dependencies: ['@fastify/reply-from'] }))
      const decorate = (): unknown => app.decorateReply('from', function () { return this })
      t.doesNotThrow(decorate)
      t.throws(decorate, { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
    }
  })
})

t.test('a decorator that a hook adds in the scope of a proxied route is not on other routes', async t => {
  const [a] = await twoBackends(t) as [Backend]
  const scopes = new Set<unknown>()
  const seen: unknown[] = []
  const { url } = await gatewayFor(t, {
    routes: [{ prefix: '/a', upstream: a.url }, { prefix: '/b', upstream: a.url }],
    before: app => {
      app.addHook('onRoute', function (this: FastifyInstance, route) {
        if (!['/a', '/b'].includes(route.url) || scopes.has(this)) return
        scopes.add(this)
        this.decorateReply('mark', route.url).decorateRequest('mark', route.url)
      })
      app.addHook('onRequest', async (request, reply) => { seen.push([Reflect.get(request, 'mark'), Reflect.get(reply, 'mark')]) })
      app.get('/local', async () => 'local')
    }
  })
  for (const path of ['/a/x', '/b/x', '/local']) t.equal((await request(`${url}${path}`)).status, 200)
  t.same(seen, [['/a', '/a'], ['/b', '/b'], [undefined, undefined]])
})

t.test('without a gateway plugin a hook of a proxied route has reply.from too', async t => {
  const backend = await backendFor(t, answer)
  const { url } = await gatewayFor(t, { gateway: false, routes: [{ prefix: '/a', upstream: backend.url, preHandler: (_request, reply) => { reply.from('/hooked') } }] })
  t.equal((await request(`${url}/a/x`)).status, 200)
  t.equal(backend.accepted, 1)
})
