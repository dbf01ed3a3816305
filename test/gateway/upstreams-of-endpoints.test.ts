import { once } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import type { ProxyOptions } from '../../src/index.js'
import type { Backend } from '../../testing/backend.js'
import { answer } from '../../testing/answer.js'
import { request } from '../../testing/client.js'
import { startDnsServer } from '../../testing/dns-server.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'
import { webSocketBackend, webSocketFor } from '../../testing/websocket.js'

interface Setup extends RunningGateway { backends: Backend[] }

/** Backends that say their number, and a gateway with a route to them. */
async function setUp (t: Test, count: number, routeOf: (backends: Backend[]) => ProxyOptions): Promise<Setup> {
  const backends = await Promise.all(Array.from({ length: count }, (_, n) =>
    backendFor(t, (_request, connection) => connection.reply({ body: String(n) }), { log: true })))
  const running = await gatewayFor(t, { routes: [{ prefix: '/users', balance: 'round-robin', ...routeOf(backends) }] })
  // The getter of the first target is left out by a spread.
  return Object.assign(running, { backends })
}

/** Who answers so many requests, by number. */
async function answersOf ({ url }: RunningGateway, count: number, headers: Record<string, string> = {}): Promise<string[]> {
  const bodies: string[] = []
  for (let n = 0; n < count; n++) bodies.push(String((await request(`${url}/users/${n}`, { headers })).body))
  return bodies
}

const hostsOf = (backends: Backend[]): string[] => [...new Set(backends.flatMap(({ log }) => log.map(head => head.header('host')!)))]

t.test('a list is one target, with the origin of its first URL', async t => {
  const running = await setUp(t, 3, backends => ({ upstream: backends.map(({ url }) => url) }))
  t.same((await answersOf(running, 6)).sort(), ['0', '0', '1', '1', '2', '2'])
  const { backends: [first], target } = running
  t.equal(target.origin, first!.url)
  t.same(hostsOf(running.backends), [new URL(first!.url).host])
  t.same(running.backends.map(({ log }) => log[0]!.path.replace(/\d/, '0')), ['/0', '/0', '/0'], 'the prefix is taken off')
  t.equal([...running.gateway.targets].length, 1)
})

t.test('weights and rewritePrefix hold for a list', async t => {
  const running = await setUp(t, 2, ([one, two]) => ({
    upstream: [{ url: one!.url, weight: 3 }, two!.url], rewritePrefix: '/api'
  }))
  const answers = await answersOf(running, 8)
  t.equal(answers.filter(body => body === '0').length, 6)
  t.match(running.backends[0]!.log[0]!.path, /^\/api\/\d$/)
})

t.test('a list of one plain URL is that URL', async t => {
  const { gateway, backends: [backend], target } = await setUp(t, 1, ([one]) => ({ upstream: [one!.url] }))
  t.equal(target.origin, backend!.url)
  t.same(target.endpoints.list().map(({ address }) => address), [new URL(backend!.url).host])
  t.equal([...gateway.targets].length, 1)
})

t.test('an origin may be given for endpoints', async t => {
  const running = await setUp(t, 2, backends => ({
    upstream: { origin: 'http://users.internal:81', endpoints: backends.map(({ url }) => url) }
  }))
  t.same((await answersOf(running, 4)).sort(), ['0', '0', '1', '1'])
  t.same(hostsOf(running.backends), ['users.internal:81'])
})

t.test('a function finds the endpoints, and is called as its prefix or its target', async t => {
  const running = await setUp(t, 2, backends => ({ upstream: () => backends.map(({ url }) => url) }))
  t.same((await answersOf(running, 4)).sort(), ['0', '0', '1', '1'])
  t.same(hostsOf(running.backends), ['users'])
  const named = await setUp(t, 1, backends => ({ upstream: async () => backends.map(({ url }) => url), target: 'people.internal' }))
  t.same(await answersOf(named, 1), ['0'])
  t.same(hostsOf(named.backends), ['people.internal'])
})

t.test('a name with several addresses is several endpoints', async t => {
  const dns = await startDnsServer()
  t.teardown(() => dns.close())
  dns.set('users.internal', 'A', ['127.0.0.1'])
  const running = await setUp(t, 1, ([one]) => ({
    upstream: `dns+http://users.internal.:${one!.port}`, discovery: { servers: [dns.address] }
  }))
  t.same(await answersOf(running, 1), ['0'])
  t.same(hostsOf(running.backends), [`users.internal:${running.backends[0]!.port}`])
})

t.test('getUpstream may choose an endpoint of a list, none of them, or another backend', async t => {
  const bases: unknown[] = []
  const other = await backendFor(t, (_request, connection) => connection.reply({ body: 'other' }))
  const running = await setUp(t, 3, backends => ({
    upstream: backends.map(({ url }) => url),
    replyOptions: {
      getUpstream: (request, base) => {
        bases.push(base)
        const to = (request as FastifyRequest).headers['x-to']
        return to === undefined ? '' : to === 'other' ? other.url : backends[Number(to)]!.url
      }
    }
  }))
  for (const n of ['0', '1', '2']) t.same(await answersOf(running, 4, { 'x-to': n }), [n, n, n, n])
  t.equal([...running.gateway.targets].length, 1, 'an endpoint is no target of its own')
  t.same(new Set(await answersOf(running, 6)), new Set(['0', '1', '2']))
  t.same(await answersOf(running, 2, { 'x-to': 'other' }), ['other', 'other'])
  t.equal([...running.gateway.targets].length, 2)
  t.same(new Set(bases), new Set(['']), 'its second argument')
})

t.test('getUpstream may choose an endpoint that was found, and one that was set', async t => {
  const running = await setUp(t, 3, backends => ({
    upstream: () => backends.slice(0, 2).map(({ url }) => url),
    replyOptions: { getUpstream: request => backends[Number((request as FastifyRequest).headers['x-to'])]!.url }
  }))
  const { gateway, target, backends } = running
  t.same(await answersOf(running, 3, { 'x-to': '1' }), ['1', '1', '1'])
  t.equal([...gateway.targets].length, 1)
  target.endpoints.set(backends.map(({ url }) => url))
  t.same(await answersOf(running, 3, { 'x-to': '2' }), ['2', '2', '2'])
  t.equal([...gateway.targets].length, 1)
})

t.test('an endpoint that is chosen and is not listed any more is no backend of its own', async t => {
  const running = await setUp(t, 2, backends => ({
    upstream: backends.map(({ url }) => url),
    replyOptions: { getUpstream: () => backends[1]!.url }
  }))
  running.target.endpoints.set([running.backends[0]!.url])
  t.equal((await request(`${running.url}/users/0`)).status, 503)
  t.equal([...running.gateway.targets].length, 1)
})

t.test('an endpoint that is chosen and does not serve is not replaced by another', async t => {
  const running = await setUp(t, 2, backends => ({
    upstream: backends.map(({ url }) => url),
    pool: { connectRetry: 0 },
    replyOptions: { getUpstream: () => backends[1]!.url }
  }))
  await running.backends[1]!.close()
  t.equal((await request(`${running.url}/users/0`)).status, 502)
  t.equal(running.backends[0]!.requests, 0)
})

t.test('WebSockets of a route go to the endpoints of its list', async t => {
  const backends = await Promise.all([webSocketBackend(t), webSocketBackend(t)])
  const upstream = backends.map(({ url }) => url.replace(/^http/, 'ws'))
  const { url } = await gatewayFor(t, { routes: [{ prefix: '/live', upstream, websocket: true, balance: 'round-robin' }] })
  for (let n = 0; n < 4; n++) {
    const socket = await webSocketFor(t, `${url.replace('http', 'ws')}/live/chat`)
    socket.send('hello')
    t.equal(String((await once(socket, 'message') as [Buffer])[0]), 'hello')
  }
  t.same(backends.map(({ upgrades }) => upgrades.length), [2, 2])
})

t.test('a handler that calls reply.from() reaches the endpoints of the route', async t => {
  const running = await setUp(t, 2, backends => ({
    upstream: backends.map(({ url }) => url),
    handler: ((_request: unknown, reply: FastifyReply, dest: string, options: object) => reply.from(dest, options)) as never,
    replyOptions: { getUpstream: () => '' }
  }))
  t.same((await answersOf(running, 4)).sort(), ['0', '0', '1', '1'])
})

t.test('two routes to the same endpoints share a target', async t => {
  const backends = await Promise.all([0, 1].map(() => backendFor(t, (request, connection) => answer(request, connection))))
  const upstream = backends.map(({ url }) => url)
  const { gateway } = await gatewayFor(t, {
    routes: [
      { prefix: '/a', upstream }, { prefix: '/b', upstream: [...upstream] }, { prefix: '/c', upstream: upstream[0]! },
      { prefix: '/d', upstream: [upstream[0]!, { url: upstream[1]!, weight: 2 }] }
    ]
  })
  const names = [...gateway.targets].map(({ name }) => name)
  t.same(names, [upstream[0], `${upstream[0]} /c`, `${upstream[0]} /d`])
})
