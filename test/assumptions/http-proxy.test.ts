// What src/quirks/http-proxy.ts relies on of @fastify/http-proxy, asked of it alone.
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import type { Test } from 'tap'

type Options = Record<string, unknown>
/** The prefix of its scope, and what is done there before. */
interface Within { readonly prefix?: string, readonly before?: (scope: FastifyInstance) => void }
type Handler = (request: FastifyRequest, reply: FastifyReply, dest: string, options: Options) => unknown

const plain = httpProxy as unknown as FastifyPluginAsync<Options>
const inScope = fp<Options>((scope, options) => plain(scope, options), { name: '@fastify/http-proxy', fastify: '5.x' })
const UPSTREAM = 'http://backend.test'
const dest: Handler = (_request, reply, dest) => { reply.send({ dest }) }

/** An app with it in a scope of a prefix, called as a plain plugin. */
async function proxying (t: Test, options: Options, within: Within = {}): Promise<FastifyInstance> {
  const { prefix = '/in', before = () => {} } = within
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async scope => {
    before(scope as FastifyInstance)
    await scope.register(inScope, { upstream: UPSTREAM, ...options })
  }, { prefix })
  return app
}

t.test('what it exports is a plain plugin too, which registers in the scope that it is given', async t => {
  let scopes = 0
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRegister', () => { scopes++ })
  await app.register(async scope => { await scope.register(inScope, { upstream: UPSTREAM, handler: dest }) }, { prefix: '/in' })
  t.equal(scopes, 1)
  t.same((await app.inject('/in/a')).json(), { dest: '/a' })
})

t.test('it declares its routes by route of its scope, one for the prefix and one for all below, with functions named handler', async t => {
  const declared: unknown[][] = []
  await proxying(t, { handler: dest, constraints: { host: 'a.test' }, config: { a: 1 } }, {
    before: scope => {
      const { route } = scope
      scope.route = function (this: FastifyInstance, options: RouteOptions) {
        declared.push([this === scope, options.url, options.constraints, options.config, options.handler.name])
        return Reflect.apply(route, this, [options]) as FastifyInstance
      } as typeof route
    }
  })
  t.strictSame(declared, [
    [true, '/', { host: 'a.test' }, { a: 1 }, 'handler'],
    [true, '/*', { host: 'a.test' }, { a: 1 }, 'handler']
  ])
})

t.test('its handler gets a path without the query, with what stands for the prefix', async t => {
  for (const [options, url, wanted] of [
    [{}, '/in/a?b=c', '/a'],
    [{}, '/in', '/'],
    [{}, '/in?a=b', ''],
    [{ upstream: `${UPSTREAM}/base` }, '/in/a', '/base/a'],
    [{ upstream: `${UPSTREAM}/base/` }, '/in/a', '/base/a'],
    [{ rewritePrefix: '/other' }, '/in/a', '/other/a'],
    [{ rewritePrefix: '/other/' }, '/in/a', '/other/a'],
    [{ rewritePrefix: '' }, '/in/a', '/a']
  ] as const) {
    const app = await proxying(t, { ...options, handler: dest })
    t.same((await app.inject(url)).json(), { dest: wanted }, `${JSON.stringify(options)} ${url}`)
  }
  const app = await proxying(t, { upstream: `${UPSTREAM}/base/`, handler: dest }, { prefix: '/in/' })
  t.same((await app.inject('/in/a')).json(), { dest: '/base/a' }, 'a prefix with a slash keeps that of the upstream')
})

t.test('the parameters of a prefix are put in one after another, decoded, each where its name comes first', async t => {
  for (const [rewritePrefix, wanted] of [
    ['/to/:a', '/to/x y/rest'],
    ['/:b/:a/:a', '/:a/x y/:a/rest'],
    ['/:ab', '/x yb/rest']
  ] as const) {
    const app = await proxying(t, { rewritePrefix, handler: dest }, { prefix: '/:a/:b' })
    t.same((await app.inject('/x%20y/:a/rest')).json(), { dest: wanted }, rewritePrefix)
  }
})

t.test('preRewrite is asked before, with the parameters and the prefix', async t => {
  const asked: unknown[][] = []
  const app = await proxying(t, {
    handler: dest,
    rewritePrefix: '/to',
    preRewrite: (...given: unknown[]) => {
      asked.push(given)
      return '/in/other'
    }
  })
  t.same((await app.inject('/in/a')).json(), { dest: '/to/other' })
  t.strictSame(asked.map(([url, params, prefix]) => [url, { ...params as object }, prefix]), [['/in/a', { '*': 'a' }, '/in']])
})

t.test('its handler gets replyOptions, with a rewriteHeaders of its own', async t => {
  const replyOptions = { onError: () => {}, rewriteHeaders: (headers: Options) => ({ ...headers, more: 'yes' }), timeout: 5 }
  let given: Options = {}
  const app = await proxying(t, {
    replyOptions,
    internalRewriteLocationHeader: false,
    handler: (_request: unknown, reply: FastifyReply, _dest: string, options: Options) => {
      given = options
      reply.send('text')
    }
  })
  await app.inject('/in/a')
  t.equal(given['onError'], replyOptions.onError)
  t.equal(given['timeout'], 5)
  const rewrite = given['rewriteHeaders'] as (headers: Options, request: unknown) => Options
  t.same(rewrite({ location: '/a' }, undefined), { location: '/a', more: 'yes' })
})

t.test('it hands bodies on as streams, of JSON and of any other type', async t => {
  const handler = (request: FastifyRequest, reply: FastifyReply): void => { reply.send({ streams: request.body === request.raw }) }
  const app = await proxying(t, { handler }, { before: scope => { scope.removeAllContentTypeParsers() } })
  for (const type of ['application/json', 'text/plain', 'a/b']) {
    const answer = await app.inject({ method: 'POST', url: '/in/a', headers: { 'content-type': type }, payload: '{}' })
    t.same(answer.json(), { streams: true }, type)
  }
})

t.test('it does not start where the scope has a parser of JSON already', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const failed = app.register(async scope => {
    scope.removeContentTypeParser('application/json')
    scope.addContentTypeParser('application/json', (_request, payload, done) => done(null, payload))
    await scope.register(inScope, { upstream: UPSTREAM })
  })
  await t.rejects(async () => await failed, { code: 'FST_ERR_CTP_ALREADY_PRESENT' })
})

t.test('with no websocket among its options it leaves upgrades and close of the server alone', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const { close } = app.server
  await app.register(async scope => { await scope.register(inScope, { upstream: UPSTREAM, websocket: undefined, wsUpstream: undefined }) })
  t.equal(app.server.listenerCount('upgrade'), 0)
  t.equal(app.server.close, close)
})

t.test('it decorates the replies of its scope with from, fromParameters and wsProxy, by decorateReply', async t => {
  const names: unknown[] = []
  await proxying(t, {}, {
    before: scope => {
      const { decorateReply } = scope
      scope.decorateReply = function (this: FastifyInstance, ...given: unknown[]) {
        names.push(given[0])
        return Reflect.apply(decorateReply, this, given) as FastifyInstance
      } as typeof decorateReply
    }
  })
  t.same(names.sort(), ['from', 'fromParameters', 'wsProxy'])
})

t.test('it hands undici on to reply-from as it is given', async t => {
  const asked: unknown[] = []
  const app = await proxying(t, {
    undici: {
      request: ({ origin, path }: { origin: string, path: string }, answered: (error: Error) => void) => {
        asked.push(origin, path)
        answered(new Error('asked'))
      }
    }
  })
  t.equal((await app.inject('/in/a?b=c')).statusCode, 500)
  t.same(asked, [UPSTREAM, '/a?b=c'])
})
