import t from 'tap'
import { appFolderFor, complaintsOf } from './consumer.js'

// No types but those that the packages ask for.
const STRICT = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, types: [] }

const APP = `import Fastify from 'fastify'
import proxyByDefault, { HoldfastError, gateway, getGateway, provenanceOf, proxy } from 'holdfast'
import type { CloseReason, ConnectionObserver, ErrorCode, GatewayOptions, ProxyOptions, RetryReason, TargetSnapshot } from 'holdfast'

const app = Fastify()
const options: GatewayOptions = { undiciOptions: { connections: 8, connect: { timeout: 1_000 } }, pool: { maxPending: 10 }, drain: { deadline: 1_000 } }
const route: ProxyOptions = { prefix: '/a', upstream: 'http://127.0.0.1:9', websocket: true, wsReconnect: { logs: true }, retry: { stale: false } }
const reasons = new Map<CloseReason, number>()
const observer: ConnectionObserver = {
  closed (connection, reason, idleMs) { reasons.set(reason, (idleMs ?? 0) + connection.age) },
  rejected (_target, code, { retries }) { said(code, ...retries) },
  retried (_target, kind) { said('HOLDFAST_ERR_CONNECT', kind) }
}

function said (code: ErrorCode, ...kinds: RetryReason[]): string {
  return [code, ...kinds].join(' ')
}

await app.register(gateway, options)
await app.register(proxy, route)
await app.register(proxyByDefault, { prefix: '/b', upstream: 'http://127.0.0.1:9' })
app.addHook('onResponse', async (_request, reply) => { provenanceOf(reply)?.retries.map(kind => kind satisfies RetryReason) })
app.setErrorHandler((error, _request, reply) => reply.code(error instanceof HoldfastError ? error.statusCode : 500).send())
const stop = getGateway(app).observe(observer)
for (const target of app.gateway!.targets) {
  const { totals, connections }: TargetSnapshot = target.snapshot()
  const refused: number | undefined = totals.rejected.HOLDFAST_ERR_QUEUE_FULL
  console.log(target.name, connections.idle, refused)
}
stop()
`

const INSTANCES = `import Fastify from 'fastify'
import { getGateway, provenanceOf, proxy } from 'holdfast'
import { pino } from 'pino'

const logging = Fastify({ loggerInstance: pino() })
await logging.register(proxy, { prefix: '/a', upstream: 'http://127.0.0.1:9' })
logging.addHook('onSend', async (_request, reply) => { provenanceOf(reply) })
const http2 = Fastify({ http2: true })
await http2.register(proxy, { prefix: '/a', upstream: 'http://127.0.0.1:9' })
http2.addHook('onResponse', async (_request, reply) => { provenanceOf(reply) })
const secure = Fastify({ http2: true, https: {}, loggerInstance: pino() })
secure.addHook('onResponse', async (_request, reply) => { provenanceOf(reply) })
const https = Fastify({ https: {} })
https.addHook('onResponse', async (_request, reply) => { provenanceOf(reply) })
export const gateways = [logging, http2, secure, https, Fastify().withTypeProvider()].map(app => getGateway(app))
`

const UNDEFINED = `import type { GatewayOptions, ProxyOptions, Target } from 'holdfast'

declare const maybe: { number?: number, text?: string, flag?: boolean }
const { number, text, flag } = maybe
export const options: GatewayOptions = {
  undiciOptions: { keepAliveTimeout: number, connect: { timeout: number, servername: text, lookup: undefined } },
  pool: undefined, inspector: undefined, bodyLimit: number, health: flag, drain: { deadline: number }, pressure: undefined
}
export const route: ProxyOptions = { upstream: text, target: text, websocket: flag, wsUpstream: text, undici: undefined, undiciOptions: undefined }
declare const target: Target
export const limits: number[] = [target.options.pool.maxPending, target.options.undiciOptions.connections, target.options.retry.replayLimit]
`

const WRONG = [
  'const a: import(\'holdfast\').ErrorCode = \'HOLDFAST_ERR_NONE\'',
  'const a: import(\'holdfast\').RetryReason = \'again\'',
  'const a: import(\'holdfast\').CloseReason = \'tired\'',
  'const a: import(\'holdfast\').GatewayOptions = { pool: { maxPending: \'10\' } }',
  'const a: import(\'holdfast\').ProxyOptions = { pool: { maxWaiting: 1 } }'
]

// All declarations of all packages are checked, which takes a while on a busy machine.
t.setTimeout(180_000)

t.test('a strict app that checks the declarations of its packages compiles, and what it must not say is refused', async t => {
  const wrong = WRONG.map((line, i) => [`wrong-${i}.ts`, `${line}\nexport { a }\n`] as const)
  const folder = appFolderFor(t, { 'package.json': '{ "type": "module" }', 'app.ts': APP, 'instances.ts': INSTANCES, 'undefined.ts': UNDEFINED, ...Object.fromEntries(wrong) })
  const complaints = complaintsOf(folder, ['app.ts', 'instances.ts', 'undefined.ts', ...wrong.map(([name]) => name)], STRICT)
  t.same(complaints.filter(text => !text.includes('/wrong-')), [])
  for (const [i, line] of WRONG.entries()) t.equal(complaints.filter(text => text.includes(`/wrong-${i}.ts`)).length, 1, line)
})
