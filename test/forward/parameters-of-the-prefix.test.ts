import type { FastifyReply, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import type { Backend } from '../../testing/backend.js'
import type { RawClient } from '../../testing/client.js'
import { backendFor, clientFor, gatewayFor } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'
import { handshake } from '../../testing/websocket.js'

const ROUTE = { prefix: '/:tenant/api', rewritePrefix: '/tenants/:tenant/public' }

async function tenants (t: Test, route: object = {}, headers: Record<string, string> = {}): Promise<RunningGateway & { backend: Backend, client: RawClient }> {
  const backend = await backendFor(t, ({ path }, connection) => connection.reply({ status: path.includes('/redirect') ? 302 : 200, headers, body: path }), { log: true })
  const running = await gatewayFor(t, { routes: [{ upstream: backend.url, ...ROUTE, ...route } as ProxyOptions] })
  return { ...running, backend, client: await clientFor(t, running) }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

const handler = (_request: FastifyRequest, reply: FastifyReply, dest: string, options: object): void => { reply.from(dest, options) }
const byParameters = async (request: FastifyRequest, reply: FastifyReply & { fromParameters (url: string, params: unknown, prefix: string): { url: string, options: object } }): Promise<void> => {
  const { url, options } = reply.fromParameters(request.url, request.params, ROUTE.prefix)
  await reply.from(url, options)
}

for (const [title, route] of Object.entries({
  'a route as it is': {},
  'a preRewrite': { preRewrite: (url: string) => url },
  'a handler of its own': { handler },
  'reply.fromParameters in a hook': { preHandler: byParameters }
})) {
  t.test(`a decoded parameter cannot leave the rewritten prefix: ${title}`, async t => {
    const { client, backend } = await tenants(t, route)
    for (const tenant of ['x%2Fsecret%23', 'x%3Fy', '%23', 'x%5Cy', '%2541', 'x%0D%0A', 'x%7F', '.', '%2e', 'x%20%2F', "%24'"]) {
      client.write(get(`/${tenant}/api/y`))
      t.equal((await client.response()).status, 400, tenant)
    }
    t.equal(backend.log.length, 0, 'nothing of them was sent')
    for (const [tenant, sent] of [['acme', 'acme'], ['a%20b', 'a%20b'], ['a.b', 'a.b'], ['gr%C3%BC%C3%9Fe', 'gr%C3%BC%C3%9Fe']]) {
      client.write(get(`/${tenant}/api/y%2Fz?q=%2F`))
      const { status, body } = await client.response()
      t.equal(status, 200)
      t.equal(body.toString(), `/tenants/${sent}/public/y%2Fz?q=%2F`)
    }
  })
}

t.test('a decoded parameter cannot leave the rewritten prefix of a WebSocket route', async t => {
  const { client, backend } = await tenants(t, { websocket: true })
  client.write(handshake('/x%2Fsecret%23/api/y'))
  t.equal((await client.response()).status, 400)
  t.equal(backend.accepted, 0)
})

t.test('a parameter that rewritePrefix does not use may have any value', async t => {
  const { client } = await tenants(t, { rewritePrefix: '/all' })
  client.write(get('/x%2Fsecret%23/api/y'))
  t.equal((await client.response()).body.toString(), '/all/y')
})

for (const [title, route] of Object.entries({ 'the route': {}, 'a handler of its own': { handler } })) {
  t.test(`a Location under a prefix with parameters gets the request's parameters, by ${title}`, async t => {
    for (const [location, expected] of [['/tenants/acme/public/x', '/acme/api/x'], ['/tenants/other/public/x', '/tenants/other/public/x'], ['login', 'login'], ['//cdn.example/x', '//cdn.example/x']]) {
      const { client } = await tenants(t, route, { Location: location! })
      client.write(get('/acme/api/redirect'))
      const response = await client.response()
      t.equal(response.status, 302)
      t.equal(response.header('location'), expected)
    }
    const { client } = await tenants(t, { ...route, rewritePrefix: '' }, { Location: '/login' })
    client.write(get('/acme/api/redirect'))
    t.equal((await client.response()).header('location'), '/acme/api/login')
  })
}

for (const [title, route] of Object.entries({ 'the route': {}, 'a handler of its own': { handler }, 'the careful way': { preRewrite: (url: string) => url } })) {
  t.test(`a Location that is not an absolute path under the prefix stays unchanged, by ${title}`, async t => {
    for (const location of ['login', '../up', '?page=2', '#frag', '//cdn.example/x', 'myapp://callback', '/baseline', '/x?next=/base/y']) {
      const { client } = await tenants(t, { prefix: '/api', rewritePrefix: '/base', ...route }, { Location: location })
      client.write(get('/api/redirect'))
      t.equal((await client.response()).header('location'), location)
    }
    const { client } = await tenants(t, { prefix: '/api', rewritePrefix: '/base', ...route }, { Location: '/base/x?next=/base/y' })
    client.write(get('/api/redirect'))
    t.equal((await client.response()).header('location'), '/api/x?next=/base/y')
  })
}

t.test('internalRewriteLocationHeader: false leaves each Location unchanged', async t => {
  for (const route of [{}, { handler }]) {
    const { client } = await tenants(t, { prefix: '/api', rewritePrefix: '/base', internalRewriteLocationHeader: false, ...route }, { Location: '/base/x' })
    client.write(get('/api/redirect'))
    t.equal((await client.response()).header('location'), '/base/x')
  }
})
