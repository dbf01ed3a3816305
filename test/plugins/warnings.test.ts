import t from 'tap'
import { gatewayFor } from '../../testing/gateway.js'
import type { GatewaySetup, LogLine } from '../../testing/gateway.js'

const WARN = 40
const UPSTREAM = 'http://127.0.0.1:9'

async function warningsOf (t: Parameters<typeof gatewayFor>[0], setup: GatewaySetup): Promise<LogLine[]> {
  const { log } = await gatewayFor(t, setup)
  return log.filter(({ level }) => level >= WARN)
}

t.test('the defaults give no warning', async t => {
  t.strictSame(await warningsOf(t, { routes: [{ upstream: UPSTREAM, prefix: '/a' }, { upstream: UPSTREAM, prefix: '/b' }] }), [])
  t.strictSame(await warningsOf(t, { gateway: false, routes: [{ upstream: UPSTREAM }] }), [], 'nor without a gateway')
})

t.test('harmless settings give no warning', async t => {
  t.strictSame(await warningsOf(t, {
    gateway: { undiciOptions: { keepAliveTimeout: 60_000, pipelining: 1, connect: { rejectUnauthorized: true } }, retry: { stale: false } },
    routes: [{ upstream: UPSTREAM, httpMethods: ['GET'], rewritePrefix: '/x', replyOptions: {} }]
  }), [])
})

t.test('keep-alive switched off is warned about once, with a stable code', async t => {
  for (const undiciOptions of [{ keepAliveTimeout: 0 }, { pipelining: 0 as const }]) {
    const ofGateway = await warningsOf(t, { gateway: { undiciOptions }, routes: [{ upstream: UPSTREAM, prefix: '/a' }, { upstream: UPSTREAM, prefix: '/b' }] })
    t.strictSame(ofGateway.map(({ code }) => code), ['HOLDFAST_WARN_KEEP_ALIVE_OFF'], 'once, whatever number of routes takes it over')
    t.match(ofGateway[0]?.msg, new RegExp(Object.keys(undiciOptions).join()), 'it names what was set')
    const ofRoute = await warningsOf(t, { routes: [{ upstream: UPSTREAM, prefix: '/a', undiciOptions }, { upstream: UPSTREAM, prefix: '/b' }] })
    t.strictSame(ofRoute.map(({ code, route }) => ({ code, route })), [{ code: 'HOLDFAST_WARN_KEEP_ALIVE_OFF', route: '/a' }])
  }
})

t.test('unverified TLS is warned about once, with a stable code', async t => {
  const undiciOptions = { connect: { rejectUnauthorized: false } }
  const ofGateway = await warningsOf(t, { gateway: { undiciOptions }, routes: [{ upstream: 'https://127.0.0.1:9' }] })
  t.strictSame(ofGateway.map(({ code }) => code), ['HOLDFAST_WARN_TLS_UNVERIFIED'])
  const ofRoute = await warningsOf(t, { routes: [{ upstream: 'https://127.0.0.1:9', prefix: '/a', undiciOptions }] })
  t.strictSame(ofRoute.map(({ code, route }) => ({ code, route })), [{ code: 'HOLDFAST_WARN_TLS_UNVERIFIED', route: '/a' }])
})

t.test('two harmful settings give two warnings', async t => {
  const lines = await warningsOf(t, { gateway: { undiciOptions: { keepAliveTimeout: 0, connect: { rejectUnauthorized: false } } } })
  t.strictSame(lines.map(({ code }) => code).sort(), ['HOLDFAST_WARN_KEEP_ALIVE_OFF', 'HOLDFAST_WARN_TLS_UNVERIFIED'])
  for (const { msg } of lines) t.match(msg, /Leave it out|Give the issuer/, 'each with what to do instead')
})

t.test('each route with a harmful setting gets a warning', async t => {
  const undiciOptions = { keepAliveTimeout: 0 }
  const lines = await warningsOf(t, { routes: [{ upstream: UPSTREAM, prefix: '/a', undiciOptions }, { upstream: UPSTREAM, prefix: '/b', undiciOptions }] })
  t.strictSame(lines.map(({ route }) => route), ['/a', '/b'])
})

t.test('options of http-proxy without an effect are named', async t => {
  const lines = await warningsOf(t, { routes: [{ upstream: UPSTREAM, retryMethods: ['GET'], maxRetriesOn503: 2, replyOptions: { retriesCount: 1 } } as never] })
  t.strictSame(lines.map(({ code }) => code), ['HOLDFAST_WARN_OPTION_IGNORED', 'HOLDFAST_WARN_OPTION_IGNORED', 'HOLDFAST_WARN_OPTION_IGNORED'], 'each of the three, not the first alone')
  for (const name of ['retryMethods', 'maxRetriesOn503', 'retriesCount']) t.ok(lines.some(({ msg }) => msg?.startsWith(name)), name)
})

t.test('a warning contains no secret from the same options', async t => {
  const lines = await warningsOf(t, { gateway: { undiciOptions: { keepAliveTimeout: 0, connect: { rejectUnauthorized: false, passphrase: 'SECRET' } } } })
  t.equal(lines.length, 2)
  t.notMatch(JSON.stringify(lines), 'SECRET')
})
