import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { appFor, listening, routesFor } from './microservice.js'
import type { Persistence } from '../../src/index.js'
import { existingState } from '../../src/gateway/state.js'
import { resolveRouteOptions } from '../../src/options/route-options.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import { type Backend, startBackend } from '../../testing/backend.js'
import { rawClient, request } from '../../testing/client.js'
import { captureLog, until } from '../../testing/gateway.js'
import { EXTENSION } from '../../testing/program.js'

/** Answers with the path of the request. */
async function backendFor (t: Test, name: string): Promise<Backend> {
  const backend = await startBackend((request, connection) => connection.reply({ body: `${name} ${request.path}` }))
  t.teardown(() => backend.close())
  return backend
}

async function body (url: string): Promise<string> {
  const { status, body } = await request(url)
  return `${status} ${body.toString()}`
}

const SAMPLES = ['persistent', 'idle-closer', 'close', 'http10', 'slow']
const ROUTE = (path: string): string => `export default async app => { app.get('${path}', () => 'here') }\n`

t.test('with nothing set, the samples answer through the gateway, and health answers', async t => {
  const { app, url } = await listening(t)
  for (const name of SAMPLES) {
    const { status, body } = await request(`${url}/samples/${name}/some/path`)
    t.equal(status, 200)
    t.match(JSON.parse(body.toString()), { backend: name, served: 1, does: String })
  }
  t.match(await body(`${url}/health/live`), /^200 .*live/)
  t.match(await body(`${url}/health/ready`), /^200 .*ready/)
  t.same([...app.gateway!.targets].map(({ name }) => name), SAMPLES.map(name => `samples/${name}`))
})

t.test('the sample that closes each connection is recognised as non-persistent, and the persistent sample is not', async t => {
  const { app, url } = await listening(t)
  const changed = new Promise<[string, Persistence]>(resolve => {
    app.gateway!.observe({ persistenceChanged: (target, _from, to) => resolve([target, to]) })
  })
  for (let i = 0; i < 5; i++) {
    for (const name of ['close', 'persistent']) t.equal((await request(`${url}/samples/${name}`)).status, 200)
  }
  t.same(await changed, ['samples/close', 'non-persistent'])
  t.match(app.gateway!.targets.get('samples/persistent')?.snapshot(), { persistence: 'persistent', totals: { opened: 1 } })
})

t.test('a gentle load requests the samples, and is logged at debug', async t => {
  const { stream, lines } = captureLog()
  const { app, url } = await listening(t, { variables: { SAMPLE_LOAD: '' }, logger: { level: 'debug', stream } })
  const requestsOf = (name: string): number => app.gateway!.targets.get(`samples/${name}`)!.snapshot().totals.requests
  await until(() => requestsOf('persistent') > 0 && requestsOf('idle-closer') > 0)
  await request(`${url}/samples/persistent?mine`)
  const logged = (): [unknown, number][] => lines.filter(line => 'reqId' in line).map(({ url, level }) => [url, level])
  await until(() => logged().some(([url]) => url === '/samples/idle-closer'))
  for (const [url, level] of logged()) t.equal(level, url === '/samples/persistent?mine' ? 30 : 20, String(url))
})

t.test('with the samples there is a dashboard, wherever there is a port for it', async t => {
  const { stream, lines } = captureLog()
  const taken = await startBackend(() => {}, { port: 9_090 }).catch(() => undefined)
  t.teardown(() => taken?.close())
  const { app } = await listening(t, { variables: { ADMIN_PORT: '' }, logger: { stream } })
  // `listen` does not wait for onListen hooks.
  const said = (): string | undefined => lines.find(({ msg }) => msg?.startsWith('open '))?.msg
  await until(() => said() !== undefined)
  const { url } = app.gateway!.admin!
  t.match(said(), `open ${url} `)
  t.notMatch(url, ':9090')
  t.match(JSON.parse((await body(`${url}/api/targets`)).slice(4)), { targets: [] })
  const { app: other } = await listening(t, { variables: { ADMIN_PORT: '', UPSTREAMS: '/a=http://127.0.0.1:1' } })
  t.equal(other.gateway!.admin, undefined, 'elsewhere it has to be asked for')
})

t.test('UPSTREAMS are proxied, longest prefix first and stripped, and no sample runs', async t => {
  const users = await backendFor(t, 'users')
  const web = await backendFor(t, 'web')
  const { url } = await listening(t, { variables: { UPSTREAMS: `/users=${users.url},/kept=${users.url}/kept,/=${web.url}`, NODE_ENV: 'production' } })
  t.equal(await body(`${url}/users/7?x=1`), '200 users /7?x=1')
  t.equal(await body(`${url}/users`), '200 users /')
  t.equal(await body(`${url}/kept/7`), '200 users /kept/7')
  t.equal(await body(`${url}/usersX`), '200 web /usersX')
  t.equal(await body(`${url}/samples/persistent`), '200 web /samples/persistent')
  t.equal(await body(url), '200 web /')
  t.match(await body(`${url}/health/ready`), /^200 .*ready/)
})

t.test('times and counts of the environment hold for every target', async t => {
  const app = await appFor(t, { variables: { UPSTREAMS: '/a=http://127.0.0.1:1', CONNECTIONS: '3', KEEP_ALIVE_TIMEOUT_MS: '4000', BODY_TIMEOUT_MS: '0' } })
  const [target] = app.gateway!.targets
  t.match(target?.snapshot().limits.undiciOptions, { connections: 3, keepAliveTimeout: 4_000, bodyTimeout: 0, headersTimeout: 50_000 })
})

t.test('with AFFINITY=cookie:NAME, each of several prefixes has a cookie of its own', async t => {
  const given = { AFFINITY: 'cookie:lb', AFFINITY_SECRET: '0123456789abcdef' }
  const users = '/users=http://127.0.0.1:1|http://127.0.0.1:2'
  const cookies = async (UPSTREAMS: string) => {
    const app = await appFor(t, { variables: { ...given, UPSTREAMS } })
    return [...app.gateway!.targets].map(({ options: { affinity } }) => affinity !== undefined && 'cookie' in affinity && affinity.cookie)
  }
  t.same(await cookies(`${users},/=http://127.0.0.1:3|http://127.0.0.1:4`), ['lb-users', 'lb-root'])
  t.same(await cookies(users), ['lb'])
})

t.test('PROXY_STATUS holds for every route', async t => {
  const backend = await backendFor(t, 'a')
  const app = await appFor(t, { variables: { UPSTREAMS: `/a=${backend.url}`, PROXY_STATUS: 'true' } })
  t.match((await app.inject('/a')).headers['proxy-status'], /^holdfast; received-status=200/)
})

t.test('VIA holds for every route', async t => {
  const backend = await backendFor(t, 'a')
  for (const [VIA, via] of [['false', undefined], ['', '1.1 holdfast']] as const) {
    const app = await appFor(t, { variables: { UPSTREAMS: `/a=${backend.url}`, VIA } })
    t.equal((await app.inject('/a')).headers['via'], via)
  }
})

t.test('what variables set of connections, waits and sizes is in force, and the rest has its defaults', async t => {
  const UPSTREAMS = '/a=http://127.0.0.1:1'
  const { app } = await listening(t, {
    variables: {
      UPSTREAMS, MAX_UPGRADED: '1', TUNNEL_IDLE_TIMEOUT_MS: '2000', MAX_CONNECTION_AGE_MS: '30000', MAX_PENDING: '4', PENDING_TIMEOUT_MS: '5000',
      CONNECT_TIMEOUT_MS: '600', TOTAL_TIMEOUT_MS: '7000', BODY_LIMIT: '8', CLIENT_BODY_TIMEOUT_MS: '9000', CLIENT_KEEP_ALIVE_TIMEOUT_MS: '620000'
    }
  })
  const [route] = existingState(app)!.routes
  t.match(route, {
    targetOptions: { undiciOptions: { connect: { timeout: 600 } }, pool: { maxConnectionAge: 30_000, maxPending: 4, pendingTimeout: 5_000, maxUpgraded: 1 } },
    options: { bodyLimit: 8, totalTimeout: 7_000, clientBodyTimeout: 9_000, tunnelIdleTimeout: 2_000 }
  })
  t.equal(app.server.keepAliveTimeout, 620_000)
  const { app: other } = await listening(t, { variables: { UPSTREAMS } })
  const [plain] = existingState(other)!.routes
  const defaults = resolveTargetOptions({}, {})
  t.strictSame(plain!.targetOptions.undiciOptions, defaults.undiciOptions)
  t.strictSame(plain!.targetOptions.pool, defaults.pool)
  t.strictSame(plain!.options, resolveRouteOptions({}, {}))
  t.equal(other.server.keepAliveTimeout, 72_000)
})

t.test('a body beyond BODY_LIMIT is refused, and an exchange beyond TOTAL_TIMEOUT_MS ends', async t => {
  const backend = await startBackend((request, connection) => { if (request.path !== '/never') connection.reply({ body: 'here' }) })
  t.teardown(() => backend.close())
  const { url } = await listening(t, { variables: { UPSTREAMS: `/a=${backend.url}`, BODY_LIMIT: '4', TOTAL_TIMEOUT_MS: '200' } })
  t.equal((await request(`${url}/a`, { method: 'POST', body: '1234' })).status, 200)
  t.equal((await request(`${url}/a`, { method: 'POST', body: '12345' })).status, 413)
  t.equal((await request(`${url}/a/never`)).status, 504)
})

t.test('with HOST=::, IPv4 clients have mapped addresses, which TRUST_PROXY takes for IPv4', async t => {
  const backend = await startBackend((request, connection) => connection.reply({ body: request.header('x-forwarded-for') ?? '' }))
  t.teardown(() => backend.close())
  for (const [trusted, forwarded] of [['', '::ffff:127.0.0.1'], ['127.0.0.0/8', '192.0.2.7, ::ffff:127.0.0.1']]) {
    const app = await appFor(t, { variables: { UPSTREAMS: `/a=${backend.url}`, TRUST_PROXY: trusted } })
    try {
      await app.listen({ host: '::', port: 0 })
    } catch {
      t.comment('this machine has no IPv6')
      return
    }
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/a`
    t.equal((await request(url, { headers: { 'x-forwarded-for': '192.0.2.7' } })).body.toString(), forwarded)
  }
})

t.test('ADMIN_PORT switches the admin surface on, beside the clients\' port', async t => {
  const { app, url } = await listening(t, { variables: { UPSTREAMS: '/a=http://127.0.0.1:1', ADMIN_PORT: '0', ADMIN_TOKEN: '0123456789abcdef' } })
  const path = '/api/targets'
  const { gateway } = app
  t.match(await body(`${gateway!.admin!.url}${path}`), /^401 /)
  const { status, body: answer } = await request(gateway!.admin!.url + path, { headers: { authorization: 'Bearer 0123456789abcdef' } })
  t.equal(status, 200)
  t.match(JSON.parse(answer.toString()), { targets: [{ name: 'http://127.0.0.1:1' }] })
  t.match(await body(url + path), /^404 /)
  t.match(await body(`${gateway!.admin!.url}/`), /^200 <!doctype html>/)
})

t.test('METRICS_PATH serves metrics on the clients\' port, before an upstream of every path', async t => {
  const app = await appFor(t, { variables: { UPSTREAMS: '/=http://127.0.0.1:1', METRICS_PATH: '/internal/metrics' } })
  const { statusCode, headers, body } = await app.inject('/internal/metrics')
  t.match({ statusCode, headers, body }, { statusCode: 200, headers: { 'content-type': /^text\/plain/ }, body: /^# HELP / })
  const without = await appFor(t, { variables: { UPSTREAMS: '/a=http://127.0.0.1:1' } })
  t.equal((await without.inject('/metrics')).statusCode, 404)
})

t.test('a route of the microservice\'s own goes before an upstream at the root', async t => {
  const app = await appFor(t, { variables: { UPSTREAMS: '/=http://127.0.0.1:1' } })
  t.same((await app.inject('/health/live')).json(), { status: 'live' })
})

t.test('a route file that throws leaves nothing running', async t => {
  // An app that could not be built is never closed. If a sample were left open, this process would not end.
  await t.rejects(appFor(t, { routes: routesFor(t, { [`health${EXTENSION}`]: 'export default async app => { app.addHook(\'onReady\', async () => { throw new Error(\'no good\') }) }\n' }) }), { message: 'no good' })
})

t.test('in production the samples never run', async t => {
  const refusal = { name: 'EnvironmentError', message: /^UPSTREAMS: is not set, .* In production the samples never run$/ }
  await t.rejects(appFor(t, { variables: { NODE_ENV: 'production' } }), refusal)
  await t.rejects(appFor(t, { variables: { NODE_ENV: 'production' }, routes: routesFor(t, { [`mine.test${EXTENSION}`]: ROUTE('/mine'), 'mine.d.ts': '' }) }), refusal,
    'a test and a declaration are no routes')
})

t.test('a folder without any route file does not start', async t => {
  await t.rejects(appFor(t, { routes: t.testdir() }), { name: 'EnvironmentError', message: /^UPSTREAMS: is not set, .* This folder of route files has no samples$/ })
})

t.test('with a route file of the user the samples do not run', async t => {
  const { app, url } = await listening(t, { variables: { NODE_ENV: 'production' }, routes: routesFor(t, { [`mine${EXTENSION}`]: ROUTE('/mine') }) })
  t.equal(await body(`${url}/mine`), '200 here')
  t.match(await body(`${url}/samples/persistent`), /^404/)
  t.match(await body(`${url}/health/live`), /^200/)
  t.same([...app.gateway!.targets], [])
})

t.test('every file of routes is loaded whatever its name, with its folder as prefix', async t => {
  const { url } = await listening(t, {
    routes: routesFor(t, {
      [`index${EXTENSION}`]: ROUTE('/index'),
      'autohooks.js': ROUTE('/autohooks'),
      'orders/index.js': ROUTE('/one'),
      'orders/other.mjs': ROUTE('/two'),
      'old.cjs': 'module.exports = async app => { app.get(\'/old\', () => \'here\') }\n',
      [`index.test${EXTENSION}`]: 'throw new Error(\'a test was loaded\')\n',
      'index.js.map': '{}'
    })
  })
  for (const path of ['/index', '/autohooks', '/orders/one', '/orders/two', '/old', '/health/live']) t.match(await body(`${url}${path}`), /^200 /, path)
})

t.test('X-Forwarded-For is believed only from addresses in TRUST_PROXY', async t => {
  const backend = await startBackend((request, connection) => connection.reply({ body: request.header('x-forwarded-for') ?? '' }))
  t.teardown(() => backend.close())
  const variables = { UPSTREAMS: `/=${backend.url}` }
  const headers = { 'x-forwarded-for': '203.0.113.7' }
  const trusting = await listening(t, { variables: { ...variables, TRUST_PROXY: '127.0.0.0/8' } })
  t.match((await request(trusting.url, { headers })).body.toString(), /^203\.0\.113\.7, /)
  const other = await listening(t, { variables: { ...variables, TRUST_PROXY: '10.0.0.0/8' } })
  t.notMatch((await request(other.url, { headers })).body.toString(), /203/)
})

t.test('a client whose headers do not come gets a 408 soon after the timeout', async t => {
  const { app } = await listening(t)
  const limit = 300
  app.server.headersTimeout = limit
  const client = await rawClient((app.server.address() as AddressInfo).port)
  t.teardown(() => client.destroy())
  const began = performance.now()
  client.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow')
  t.equal((await client.response()).status, 408)
  const ms = performance.now() - began
  t.ok(ms >= limit - 50 && ms < limit + 1_000, `after ${Math.round(ms)} ms`)
  t.equal(await client.ended, 'fin')
})

t.test('an entry of UPSTREAMS with several endpoints is one target, and its path takes the place of the prefix', async t => {
  const backends = await Promise.all(['one', 'two'].map(name => backendFor(t, name)))
  const { app, url } = await listening(t, {
    variables: { UPSTREAMS: `/users=${backends.map(backend => `${backend.url}/api`).join('|')}`, BALANCE: 'round-robin', MAX_TARGET_CONNECTIONS: '5' }
  })
  const bodies = [await body(`${url}/users/7?x=1`), await body(`${url}/users/7?x=1`)]
  t.same(bodies.sort(), ['200 one /api/7?x=1', '200 two /api/7?x=1'])
  t.equal([...app.gateway!.targets].length, 1)
  const [target] = app.gateway!.targets
  t.match(target!.options, { balance: 'round-robin', pool: { maxConnections: 5 }, ejection: { failures: 5 }, healthCheck: undefined })
})

t.test('variables of endpoints hold for all backends', async t => {
  const app = await appFor(t, {
    variables: {
      UPSTREAMS: '/a=http://127.0.0.1:9|http://127.0.0.1:10', AFFINITY: 'cookie:endpoint', AFFINITY_SECRET: '0123456789abcdef', EJECTION: 'false', HEALTH_CHECK_PATH: '/health',
      DISCOVERY_REFRESH_MS: '7'
    }
  })
  const [target] = app.gateway!.targets
  t.match(target!.options, {
    affinity: { cookie: 'endpoint', secret: ['0123456789abcdef'] }, ejection: false, healthCheck: { path: '/health', interval: 10_000 }, discovery: { refresh: 7 }
  })
  t.notMatch(JSON.stringify(target!.snapshot()), '0123456789abcdef')
})

t.test('an upstream whose service account is not there stops the start with one line', async t => {
  const host = process.env['KUBERNETES_SERVICE_HOST']
  delete process.env['KUBERNETES_SERVICE_HOST']
  t.teardown(() => { if (host !== undefined) process.env['KUBERNETES_SERVICE_HOST'] = host })
  await t.rejects(appFor(t, { variables: { UPSTREAMS: '/users=kubernetes+http://users.shop:http' } }), {
    name: 'EnvironmentError',
    message: /^UPSTREAMS: \/users=kubernetes\+http:\/\/users\.shop:http cannot be registered: proxy \/users: upstream: ".*" needs the service account of a pod, .*; run in a pod /
  })
})
