import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { gateway, proxy } from '../../src/index.js'
import type { ProxyOptions } from '../../src/index.js'
import { request } from '../../testing/client.js'
import { backendFor, captureLog } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'
import Fastify from 'fastify'
import type { FastifyServerOptions } from 'fastify'
import type { AddressInfo } from 'node:net'

const ORDERS = ['before', 'after'] as const
const ORIGIN = { origin: 'http://a.test' }
const PREFLIGHT = { ...ORIGIN, 'access-control-request-method': 'PUT' }

interface Setup {
  order: typeof ORDERS[number]
  /** The app's own routes. */
  own (app: FastifyInstance): unknown
  routes: Partial<ProxyOptions>[]
  gateway?: boolean
  fastify?: FastifyServerOptions
}

/** An app that declares its own routes before or after its proxies. The backend answers with the request that it got. */
async function appFor (t: Test, { order, own, routes, gateway: withGateway = true, fastify = {} }: Setup): Promise<{ ask: (method: string, path: string, headers?: Record<string, string>) => Promise<string>, url: string, log: LogLine[] }> {
  const backend = await backendFor(t, ({ method, path }, connection) => connection.reply({ body: method === 'HEAD' ? '' : `proxied ${method} ${path}`, headers: { 'X-Proxied': 'yes' } }))
  const { stream, lines } = captureLog()
  const app = Fastify({ ...fastify, logger: { level: 'info', stream } })
  t.teardown(() => app.close())
  if (withGateway) await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
  if (order === 'before') await own(app)
  for (const route of routes) await app.register(proxy, { upstream: backend.url, ...route })
  if (order === 'after') await own(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const ask = async (method: string, path: string, headers: Record<string, string> = {}): Promise<string> => {
    const { status, headers: { 'x-proxied': proxied }, body } = await request(url + path, { method, headers })
    return body.length > 0 ? `${status} ${String(body)}` : `${status}${proxied === undefined ? '' : ' proxied'}`
  }
  return { ask, url, log: lines }
}

for (const order of ORDERS) {
  for (const withGateway of [true, false]) {
    t.test(`@fastify/cors ${order} a proxy at / answers preflights, and has its headers on proxied responses, ${withGateway ? 'with' : 'without'} gateway`, async t => {
      const { ask, url, log } = await appFor(t, { order, gateway: withGateway, own: app => app.register(cors, { origin: true }), routes: [{ prefix: '/' }] })
      t.equal(await ask('OPTIONS', '/x', PREFLIGHT), '204')
      t.equal(await ask('PUT', '/x', ORIGIN), '200 proxied PUT /x')
      t.equal((await request(`${url}/x`, { headers: ORIGIN })).headers['access-control-allow-origin'], ORIGIN.origin)
      t.equal(log.filter(({ level }) => level > 30).length, 0, 'as its app wants it')
    })
  }

  t.test(`the app's own routes ${order} a proxy at / are kept, and every other method and path is proxied`, async t => {
    const { ask, log } = await appFor(t, {
      order,
      routes: [{ prefix: '/' }],
      own: app => {
        app.get('/', async () => 'own root')
        app.route({ method: ['PUT', 'DELETE'], url: '/*', handler: async ({ method }) => `own ${method}` })
      }
    })
    t.strictSame([await ask('GET', '/'), await ask('HEAD', '/'), await ask('POST', '/')], ['200 own root', '200', '200 proxied POST /'])
    t.strictSame([await ask('PUT', '/x'), await ask('DELETE', '/x/y'), await ask('GET', '/x')], ['200 own PUT', '200 own DELETE', '200 proxied GET /x'])
    t.match(log.filter(({ level }) => level > 30).map(({ msg }) => msg).sort(), [/^DELETE \/\* is a route of the app's own/, /^GET \/ /, /^PUT \/\* /])
  })

  t.test(`the app's own route ${order} a proxy at a prefix takes only its own path`, async t => {
    const own = (app: FastifyInstance): void => { app.get('/api', async () => 'own') }
    const { ask } = await appFor(t, { order, own, routes: [{ prefix: '/api' }, { prefix: '/:tenant/app' }] })
    t.strictSame([await ask('GET', '/api'), await ask('GET', '/api/'), await ask('GET', '/api/x'), await ask('POST', '/api')],
      ['200 own', '200 proxied GET /', '200 proxied GET /x', '200 proxied POST /'])
    t.equal(await ask('GET', '/a/app/x'), '200 proxied GET /x')
  })

  t.test(`the app's own route in a scope with the same prefix, ${order} the proxy, is kept`, async t => {
    const own = (app: FastifyInstance): unknown => app.register(async scope => { scope.get('/', async () => 'own') }, { prefix: '/api' })
    const { ask } = await appFor(t, { order, own, routes: [{ prefix: '/api' }] })
    t.strictSame([await ask('GET', '/api'), await ask('GET', '/api/'), await ask('GET', '/api/x')], ['200 own', '200 own', '200 proxied GET /x'])
  })

  t.test(`a route for another host ${order} the proxy does not replace a proxied path`, async t => {
    const own = (app: FastifyInstance): void => { app.route({ method: 'GET', url: '/x', constraints: { host: 'own.test' }, handler: async () => 'own' }) }
    const { ask } = await appFor(t, { order, own, routes: [{ prefix: '/' }] })
    t.strictSame([await ask('GET', '/x', { host: 'own.test' }), await ask('GET', '/x')], ['200 own', '200 proxied GET /x'])
  })

  t.test(`the app's own routes replace those of an unmanaged proxy too, ${order}`, async t => {
    const { ask } = await appFor(t, { order, own: app => { app.get('/', async () => 'own') }, routes: [{ prefix: '/', http: {} as never }] })
    t.strictSame([await ask('GET', '/'), await ask('GET', '/x')], ['200 own', '200 proxied GET /x'])
  })
}

t.test('a route that replaces a proxied one keeps its own hooks and schemas', async t => {
  const seen: string[] = []
  const { ask } = await appFor(t, {
    order: 'after',
    routes: [{ prefix: '/' }],
    own: app => {
      const schema = { querystring: { type: 'object', required: ['q'], properties: { q: { type: 'string' } } } }
      app.get('/', { schema, config: { mark: 'mine' } as never, onRequest: async ({ routeOptions }) => { seen.push((routeOptions.config as { mark?: string }).mark ?? '') } }, async () => 'own')
    }
  })
  t.match(await ask('GET', '/'), /^400/)
  t.equal(await ask('GET', '/?q=1'), '200 own')
  t.strictSame(seen, ['mine', 'mine'])
})

t.test('two equal routes of the app\'s own, and two proxies of one prefix, are refused as before', async t => {
  const twice = (app: FastifyInstance): void => {
    app.get('/x', async () => 1)
    app.get('/x', async () => 2)
  }
  await t.rejects(appFor(t, { order: 'before', own: twice, routes: [{ prefix: '/' }] }), { code: 'FST_ERR_DUPLICATED_ROUTE' })
  await t.rejects(appFor(t, { order: 'before', own: () => {}, routes: [{ prefix: '/a' }, { prefix: '/a' }] }))
})
