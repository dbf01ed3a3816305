import { inspect } from 'node:util'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { gateway, getGateway, proxy } from '../../src/index.js'
import { persistent } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'
import { backendFor } from '../../testing/gateway.js'

const UPSTREAM = 'http://127.0.0.1:9'

/** Refused options of the gateway, and the name at the start of the message. */
const OF_GATEWAY: [options: object, option: string][] = [
  [{ undiciOptons: {} }, 'undiciOptons'],
  [{ upstream: UPSTREAM }, 'upstream'],
  [{ maxSockets: 5 }, 'maxSockets'],
  [{ undiciOptions: { connections: 0 } }, 'undiciOptions.connections'],
  [{ undiciOptions: null }, 'undiciOptions'],
  [{ pool: { maxDials: 0 } }, 'pool.maxDials'],
  [{ inspector: true }, 'inspector'],
  [{ retry: { stale: 'yes' } }, 'retry.stale'],
  [{ bodyLimit: -1 }, 'bodyLimit'],
  [{ totalTimeout: '5s' }, 'totalTimeout'],
  [{ maxHops: 0 }, 'maxHops'],
  [{ maxHops: 1.5 }, 'maxHops'],
  [{ maxDynamicTargets: -1 }, 'maxDynamicTargets'],
  [{ maxDynamicTargets: '100' }, 'maxDynamicTargets'],
  [{ drain: { delay: -1 } }, 'drain.delay'],
  [{ drain: { deadline: Infinity } }, 'drain.deadline'],
  [{ drain: { deadline: 2 ** 31 } }, 'drain.deadline'],
  [{ drain: { timeout: 5 } }, 'drain.timeout'],
  [{ drain: null }, 'drain'],
  [{ drain: 5 }, 'drain'],
  [{ health: 'yes' }, 'health'],
  [{ health: 1 }, 'health'],
  [{ pressure: true }, 'pressure'],
  [{ pressure: null }, 'pressure']
]

/** Refused options of a route, and the name at the start of the message. */
const OF_PROXY: [options: object, option: string][] = [
  [{ upstreem: UPSTREAM }, 'upstreem'],
  [{ maxHops: 3 }, 'maxHops'],
  [{ upstream: 'nonsense' }, 'upstream'],
  [{ upstream: 'ftp://127.0.0.1' }, 'upstream'],
  [{ upstream: '127.0.0.1:3000' }, 'upstream'],
  [{ upstream: 5 }, 'upstream'],
  [{ upstream: null }, 'upstream'],
  [{ upstream: {} }, 'upstream'],
  [{ upstream: [] }, 'upstream'],
  [{ upstream: ['http://a', 'http://b', 'http://a:80'] }, 'upstream[2]'],
  [{ upstream: ['http://a', 'https://b'] }, 'upstream[1]'],
  [{ upstream: ['http://a', 'ws://b'], websocket: true, wsHooks: {} }, 'upstream'],
  [{ upstream: ['http://a', 'ws://b'] }, 'upstream[1]'],
  [{ upstream: ['http://a/api', 'http://b/api'] }, 'upstream[0]'],
  [{ upstream: ['http://a', 'http://user:SECRET@b'] }, 'upstream[1]'],
  [{ upstream: ['http://a', 'unix+http://%2Frun%2Fb.sock/'] }, 'upstream[1]'],
  [{ upstream: ['http://a', 'dns+http://b'] }, 'upstream[1]'],
  [{ upstream: ['http://a', { url: 'http://b', weight: 0 }] }, 'upstream[1].weight'],
  [{ upstream: ['http://a', { url: 'http://b', wieght: 2 }] }, 'upstream[1].wieght'],
  [{ upstream: ['http://a', 'http://b'], balance: 'random' }, 'balance'],
  [{ upstream: ['http://a', 'http://b'], balance: 'hash' }, 'balance'],
  [{ upstream: ['http://a', 'http://b'], http2: true }, 'upstream'],
  [{ upstream: () => [], undici: false }, 'upstream'],
  [{ upstream: { origin: 'http://a', endpoints: [] } }, 'upstream.endpoints'],
  [{ upstream: { origin: 'https://a', endpoints: ['http://b'] } }, 'upstream.endpoints[0]'],
  [{ upstream: { origin: 'http://a/api', endpoints: ['http://b'] } }, 'upstream.origin'],
  [{ upstream: { origin: 'http://user:SECRET@a', endpoints: ['http://b'] } }, 'upstream.origin'],
  [{ upstream: { origin: 'unix+http://%2Fa/', endpoints: ['http://b'] } }, 'upstream.origin'],
  [{ upstream: { origin: 'http://a', endpoints: 'http://b' } }, 'upstream.endpoints'],
  [{ upstream: { origin: 'http://a', endpoints: ['http://b'], weight: 1 } }, 'upstream.weight'],
  [{ upstream: 'dns+http://10.0.0.1' }, 'upstream'],
  [{ upstream: 'dns+ftp://a' }, 'upstream'],
  [{ upstream: 'srv+http://users' }, 'upstream'],
  [{ upstream: 'kubernetes+http://users.shop:http' }, 'upstream'],
  [{ upstream: 'kubernetes+http://users', discovery: { kubernetes: { url: 'http://127.0.0.1:9' } } }, 'upstream'],
  [{ wsUpstream: 'dns+http://a' }, 'wsUpstream'],
  [{ upstream: '' }, 'upstream'],
  [{ upstream: '', handler: () => {} }, 'upstream'],
  [{ upstream: undefined, websocket: true }, 'upstream'],
  [{ upstream: undefined, replyOptions: { getUpstream: () => UPSTREAM } }, 'upstream'],
  [{ upstream: '', replyOptions: { getUpstream: 'http://a' } }, 'replyOptions.getUpstream'],
  [{ upstream: 'http://user:SECRET@127.0.0.1:9' }, 'upstream'],
  [{ upstream: 'http://user@127.0.0.1:9' }, 'upstream'],
  [{ upstream: 'unix+http://user:SECRET@%2Ftmp%2Fx.sock/' }, 'upstream'],
  [{ upstream: 'unix+http://%zz/' }, 'upstream'],
  [{ upstream: 'ftp://user:SECRET@127.0.0.1' }, 'upstream'],
  [{ upstream: 'http://user:SECRET@[127' }, 'upstream'],
  [{ upstream: 'http://127.0.0.1:9/?key=1' }, 'upstream'],
  [{ upstream: 'http://127.0.0.1:9/#part' }, 'upstream'],
  [{ upstream: 'ws://user:SECRET@127.0.0.1:9', websocket: true }, 'upstream'],
  [{ wsUpstream: 'ws://user:SECRET@127.0.0.1:9' }, 'wsUpstream'],
  [{ wsUpstream: 'ws://127.0.0.1:9/?a' }, 'wsUpstream'],
  [{ wsUpstream: ['ws://127.0.0.1:9'] }, 'wsUpstream'],
  [{ wsUpstream: 'nonsense' }, 'wsUpstream'],
  [{ rewritePrefix: 5 }, 'rewritePrefix'],
  [{ httpMethods: 'GET' }, 'httpMethods'],
  [{ routes: [5] }, 'routes'],
  [{ contentTypesToEncode: 'a' }, 'contentTypesToEncode'],
  [{ replyOptions: 5 }, 'replyOptions'],
  [{ replyOptions: { onResponse: {} } }, 'replyOptions.onResponse'],
  [{ handler: 5 }, 'handler'],
  [{ target: 'orders', totalTimeout: -1 }, 'totalTimeout'],
  [{ undiciOptions: { connect: { ca: 'plain text' } } }, 'undiciOptions.connect.ca'],
  [{ undiciOptions: { connect: { timeout: 0 } } }, 'undiciOptions.connect.timeout'],
  [{ undici: { connections: -1 } }, 'undiciOptions.connections'],
  [{ pool: [] }, 'pool'],
  [{ responseBuffer: NaN }, 'responseBuffer']
]

/** Starts an app, and resolves to the error that stops it. Also holds that the app does not listen afterwards. */
async function failureOf (app: FastifyInstance): Promise<Error & { code?: string }> {
  try {
    await app.listen({ port: 0, host: '127.0.0.1' })
  } catch (error) {
    if (app.server.listening) throw new Error('it listens in spite of its failure')
    return error as Error
  } finally {
    await app.close()
  }
  throw new Error('it started')
}

t.test('an app with an invalid option of the gateway does not start', async t => {
  for (const [options, option] of OF_GATEWAY) {
    const app = Fastify()
    app.register(gateway, options)
    app.register(proxy, { upstream: UPSTREAM })
    const error = await failureOf(app)
    t.match(error, { code: 'HOLDFAST_ERR_OPTION' }, inspect(options))
    t.ok(error.message.startsWith(`gateway: ${option}: `), error.message)
  }
})

t.test('an app with an invalid option of a route does not start', async t => {
  for (const [options, option] of OF_PROXY) {
    const app = Fastify()
    app.register(gateway)
    app.register(proxy, { upstream: UPSTREAM, prefix: '/good' })
    app.register(proxy, { upstream: UPSTREAM, prefix: '/bad', ...options } as object)
    const error = await failureOf(app)
    t.match(error, { code: 'HOLDFAST_ERR_OPTION' }, inspect(options))
    t.notMatch(inspect(error), 'SECRET')
    t.ok(error.message.startsWith(`proxy /bad${'target' in options ? ', target orders' : ''}: ${option}: `), error.message)
  }
})

t.test('a target named twice with other options stops the app', async t => {
  const app = Fastify()
  app.register(proxy, { upstream: UPSTREAM, prefix: '/a', target: 'users' })
  app.register(proxy, { upstream: UPSTREAM, prefix: '/b', target: 'users', undiciOptions: { connections: 1 } })
  t.match(await failureOf(app), { code: 'HOLDFAST_ERR_OPTION', message: /^proxy \/b, target users: target: "users" / })
})

t.test('a duplicate route stops the app, with an error of Holdfast', async t => {
  const twice = Fastify()
  twice.register(gateway)
  twice.register(proxy, { upstream: UPSTREAM, prefix: '/a' })
  twice.register(proxy, { upstream: 'http://127.0.0.1:10', prefix: '/a' })
  t.match(await failureOf(twice), { code: 'HOLDFAST_ERR_OPTION', message: /^proxy \/a: the app has a route for \/a already; give each route a prefix of its own, or / })

  const own = Fastify()
  own.get('/health/live', () => 'mine')
  own.register(gateway, { health: true })
  t.match(await failureOf(own), { code: 'HOLDFAST_ERR_OPTION', message: /^gateway: the app has a route for \/health\/live already; / })
})

t.test('a prefix may be used twice with different host constraints', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gateway)
  await app.register(proxy, { upstream: UPSTREAM, prefix: '/a', constraints: { host: 'one.example' } })
  await app.register(proxy, { upstream: 'http://127.0.0.1:10', prefix: '/a', constraints: { host: 'two.example' } })
  await app.ready()
  t.equal([...getGateway(app).targets].length, 2)
})

t.test('an error of an option points at the line that found it', async t => {
  const app = Fastify()
  app.register(proxy, { upstream: UPSTREAM, prefix: '/a', totalTimeout: -1 })
  const { stack } = await failureOf(app)
  t.match(stack, /^\w*Error: proxy \/a: totalTimeout: -1 is no time/)
  t.match(stack, /options\.ts/)
})

t.test('a route without an upstream stops the app', async t => {
  const app = Fastify()
  app.register(proxy, { prefix: '/a' })
  t.match(await failureOf(app), { code: 'HOLDFAST_ERR_OPTION', message: /^proxy \/a: upstream: undefined leads nowhere; give / })
})

t.test('an app that failed to start has dialled no backend and holds nothing open', async t => {
  const backend = await backendFor(t, persistent())
  const app = Fastify()
  app.register(gateway, { health: true })
  app.register(proxy, { upstream: backend.url, prefix: '/good' })
  app.register(proxy, { upstream: 'nonsense', prefix: '/bad' })
  t.match(await failureOf(app), { code: 'HOLDFAST_ERR_OPTION' })
  t.equal(backend.accepted, 0)
  await t.rejects(app.inject('/good'), 'it answers nobody')
})

t.test('plugins do not change their options', async t => {
  const deepFreeze = <T extends object>(value: T): T => {
    for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
    return Object.freeze(value)
  }
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gateway, deepFreeze({ undiciOptions: { connect: { ca: certificates().ca } }, pool: {}, inspector: {}, retry: {}, drain: {}, pressure: {} }))
  const route = deepFreeze({ upstream: UPSTREAM, prefix: '/a', undici: { tls: { ...certificates().client } }, undiciOptions: {}, replyOptions: {} })
  await app.register(proxy, route as object)
  await app.ready()
  t.equal((await app.inject('/nowhere')).statusCode, 404)
})

t.test('keys like __proto__ have no effect', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const evil = '{"__proto__": {"maxHops": 0, "health": true, "undiciOptions": {"connections": 0}}, "drain": {"__proto__": {"delay": -1}}}'
  await app.register(gateway, JSON.parse(evil) as object)
  await app.register(proxy, { prefix: '/a', upstream: UPSTREAM, ...JSON.parse('{"constructor": {"prototype": {"x": 1}}, "pool": {"__proto__": {"maxDials": 0}}}') as object } as object)
  await app.ready()
  t.equal((await app.inject('/health/live')).statusCode, 404)
})
