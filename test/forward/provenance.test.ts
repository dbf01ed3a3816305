import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { connect as connectHttp2 } from 'node:http2'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { type Provenance, type ProxyOptions, gateway, provenanceOf, proxy } from '../../src/index.js'
import type { Backend, BackendScript, RequestScript } from '../../testing/backend.js'
import { answer } from '../../testing/answer.js'
import { flipping, persistent, phpServer } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { backendFor, captureLog, clientFor, gatewayFor, until } from '../../testing/gateway.js'
import type { GatewaySetup, LogLine, RunningGateway } from '../../testing/gateway.js'
import { tunnelFor, webSocketFor } from '../../testing/websocket.js'

type Told = LogLine & { provenance: Provenance }
type Running = RunningGateway & { backend: Backend }

async function between (t: Test, script: BackendScript, route: ProxyOptions = {}, setup: GatewaySetup = {}): Promise<Running> {
  const backend = await backendFor(t, script)
  const running = await gatewayFor(t, { level: 'info', ...setup, routes: [{ upstream: backend.url, ...route }] })
  return Object.assign(running, { backend })
}

/** The log as text, since a JSON parser would hide a repeated name. */
async function writing (t: Test, script: BackendScript): Promise<{ port: number, log: LogLine[], written: () => string }> {
  const { url: upstream } = await backendFor(t, script)
  const { stream, lines } = captureLog()
  let written = ''
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { written += line; stream.write(line) } } } })
  t.teardown(() => app.close())
  await app.register(proxy, { upstream })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: (app.server.address() as AddressInfo).port, log: lines, written: () => written }
}

/** The log lines with a provenance. */
function told ({ log }: { log: LogLine[] }): Told[] {
  return log.filter((line): line is Told => line['provenance'] !== undefined)
}

/** The provenance of the nth answered request, when its line is there. */
async function toldOf (running: { log: LogLine[] }, nth = 1): Promise<Provenance> {
  const completed = (): Told[] => told(running).filter(({ msg }) => msg === 'request completed')
  await until(() => completed().length >= nth, `line ${nth}`)
  return completed()[nth - 1]!.provenance
}

const FRESH = { reused: false, nth: 1, idleMs: 0, attempts: 1, retries: [], persistence: 'persistent' }

t.test('a request on a fresh connection says so on its own log line only', async t => {
  const running = await between(t, persistent())
  await request(running.url)
  const provenance = await toldOf(running)
  t.match(provenance, { ...FRESH, target: running.target.name, connection: 1 })
  t.notOk('error' in provenance)
  t.ok(Number.isInteger(provenance.waitMs), 'whole ms')
  t.strictSame(running.log.filter(({ reqId }) => reqId !== undefined).map(({ msg, provenance }) => [msg, provenance !== undefined]),
    [['incoming request', false], ['request completed', true]])
})

t.test('a reused connection shows its request count and idle time', async t => {
  const running = await between(t, persistent())
  await request(running.url)
  await new Promise(resolve => setTimeout(resolve, 60))
  await request(running.url)
  const second = await toldOf(running, 2)
  t.match(second, { reused: true, nth: 2, waitMs: 0, attempts: 1, retries: [], connection: (await toldOf(running)).connection })
  t.ok(second.idleMs >= 40 && second.idleMs < 30_000, `${second.idleMs} ms`)
  await request(running.url)
  t.equal((await toldOf(running, 3)).nth, 3)
})

t.test('a queued request shows its waiting time', async t => {
  let release = (): void => {}
  const running = await between(t, async (request, connection) => {
    if (request.path === '/held') await new Promise<void>(resolve => { release = resolve })
    answer(request, connection)
  }, { undiciOptions: { connections: 1 } })
  const held = request(`${running.url}/held`)
  await running.backend.waitFor(({ requests }) => requests === 1)
  const queued = request(`${running.url}/queued`)
  await until(() => running.target.snapshot().connections.pending === 1)
  await new Promise(resolve => setTimeout(resolve, 60))
  release()
  await Promise.all([held, queued])
  const provenance = await toldOf(running, 2)
  t.match(provenance, { reused: true, nth: 2, attempts: 1 })
  t.ok(provenance.waitMs >= 40 && provenance.waitMs < 30_000, `${provenance.waitMs} ms`)
})

t.test('a request that was sent again shows why, and its last connection', async t => {
  const stale: RequestScript = (request, connection) => {
    if (request.nth === 1) answer(request, connection)
    else connection.reset()
  }
  const running = await between(t, stale)
  await request(running.url)
  await request(running.url)
  t.match(await toldOf(running, 2), { connection: 2, reused: false, nth: 1, idleMs: 0, attempts: 2, retries: ['stale'] })
})

t.test('a dial that was tried again is shown as a retry', async t => {
  const running = await between(t, persistent(), { pool: { connectRetry: 5_000 } })
  running.backend.refuse()
  const asked = request(running.url)
  await until(() => (running.target.snapshot().totals.retries['connect'] ?? 0) > 0)
  await running.backend.listen()
  await asked
  const provenance = await toldOf(running)
  t.match(provenance, { ...FRESH, retries: ['connect'] })
  t.ok(provenance.waitMs >= 40, `${provenance.waitMs} ms`)
})

t.test('a non-persistent backend and its trial are shown', async t => {
  const mode = flipping('close')
  const running = await between(t, mode.script, { inspector: { closesBeforeTeardown: 1, trialInterval: 1_000_000 } })
  await request(running.url)
  await until(() => running.target.persistence === 'non-persistent')
  await request(running.url)
  t.match(await toldOf(running, 2), { ...FRESH, persistence: 'non-persistent' })
  running.target.setPersistence('trial', 'to see')
  await request(running.url)
  t.match(await toldOf(running, 3), { ...FRESH, persistence: 'trial' })
})

t.test('the log line of a failure has provenance too', async t => {
  const refused = await gatewayFor(t, { level: 'info', routes: [{ upstream: 'http://127.0.0.1:1', pool: { connectRetry: 0 } }] })
  t.equal((await request(refused.url)).status, 502)
  t.match(await toldOf(refused), { connection: undefined, reused: false, nth: 0, idleMs: 0, attempts: 0, retries: [], error: 'HOLDFAST_ERR_CONNECT' })
  const [line] = told(refused)
  t.match(line, { level: 50, err: { code: 'HOLDFAST_ERR_CONNECT' }, provenance: { error: 'HOLDFAST_ERR_CONNECT' } })

  const late = await between(t, () => {}, { undiciOptions: { headersTimeout: 20 } })
  t.equal((await request(late.url)).status, 504)
  t.match(await toldOf(late), { ...FRESH, error: 'HOLDFAST_ERR_HEADERS_TIMEOUT' })

  const full = await between(t, () => {}, { undiciOptions: { connections: 1 }, pool: { maxPending: 1 } })
  const [first, second] = [await clientFor(t, full), await clientFor(t, full)]
  first.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await full.backend.waitFor(({ requests }) => requests === 1)
  second.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => full.target.snapshot().connections.pending === 1)
  t.equal((await request(full.url)).status, 503)
  t.match(await toldOf(full), { connection: undefined, attempts: 0, waitMs: 0, error: 'HOLDFAST_ERR_QUEUE_FULL' })

  const busy = await between(t, () => {}, { undiciOptions: { connections: 1 }, pool: { pendingTimeout: 60 } })
  const before = await clientFor(t, busy)
  before.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await busy.backend.waitFor(({ requests }) => requests === 1)
  t.equal((await request(busy.url)).status, 503)
  const waited = await toldOf(busy)
  t.match(waited, { connection: undefined, attempts: 0, error: 'HOLDFAST_ERR_QUEUE_TIMEOUT' })
  t.ok(waited.waitMs >= 59, `${waited.waitMs} ms`)

  const long = await between(t, () => {}, { totalTimeout: 300 })
  t.equal((await request(long.url)).status, 504)
  t.match(await toldOf(long), { error: 'HOLDFAST_ERR_TOTAL_TIMEOUT' })
})

t.test('a refused dial that was tried again in vain is a retry too', async t => {
  const refused = await gatewayFor(t, { level: 'info', routes: [{ upstream: 'http://127.0.0.1:1', pool: { connectRetry: 300 } }] })
  t.equal((await request(refused.url)).status, 502)
  t.match(await toldOf(refused), { attempts: 0, retries: ['connect'], error: 'HOLDFAST_ERR_CONNECT' })
})

t.test('after two failed attempts the last one is shown', async t => {
  const running = await between(t, (request, connection) => {
    if (request.nth === 1 && connection.id === 1) return answer(request, connection)
    connection.end()
  })
  await request(running.url)
  t.equal((await request(running.url)).status, 502)
  t.match(await toldOf(running, 2), { connection: 2, reused: false, nth: 1, attempts: 2, retries: ['stale'], error: 'HOLDFAST_ERR_CONNECTION_LOST' })
})

t.test('the log line of a cut response has one provenance', async t => {
  const running = await writing(t, async (_request, connection) => {
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    await until(() => started)
    connection.end()
  })
  let started = false
  const client = await clientFor(t, running)
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  client.socket.once('data', () => { started = true })
  await client.ended
  await until(() => told(running).length > 0)
  t.match(told(running), [{ level: 40, provenance: { ...FRESH, error: 'HOLDFAST_ERR_CONNECTION_LOST' } }])
  t.equal(running.written().match(/"provenance"/g)?.length, 1, 'what was noted at the head gave way')
})

t.test('the last log line of a client that leaves in a response has provenance', async t => {
  const running = await between(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'))
  const client = await clientFor(t, running)
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await new Promise(resolve => client.socket.once('data', resolve))
  client.destroy()
  await until(() => told(running).length > 0)
  t.match(told(running), [{ msg: 'stream closed prematurely', provenance: { ...FRESH, error: 'HOLDFAST_ERR_CLIENT_GONE' } }])
})

t.test('the log line of a 101 has provenance', async t => {
  const running = await tunnelFor(t, { level: 'info' })
  await webSocketFor(t, `${running.url}/live`)
  t.match(await toldOf(running), FRESH)
  t.match(told(running), [{ res: { statusCode: 101 } }])
})

t.test('a provenance that is not logged is not made', async t => {
  const silent: [title: string, setup: GatewaySetup, route?: ProxyOptions][] = [
    ['the level is warn', { level: 'warn' }],
    ['the route\'s level is warn', {}, { logLevel: 'warn' } as ProxyOptions],
    ['request logging is off', { fastify: { disableRequestLogging: true } }],
    ['request logging is off for this one', { fastify: { disableRequestLogging: () => true } }]
  ]
  for (const [title, setup, route] of silent) {
    let replaced: boolean | undefined
    const running = await between(t, persistent(), route, { ...setup, before: app => { app.addHook('onResponse', async (request, reply) => { replaced = request.log !== reply.log }) } })
    await request(running.url)
    await until(() => replaced !== undefined)
    t.equal(replaced, false, title)
    t.strictSame(told(running), [])
  }
})

t.test('at level warn the log line of a failure has provenance', async t => {
  const running = await gatewayFor(t, { level: 'warn', routes: [{ upstream: 'http://127.0.0.1:1', pool: { connectRetry: 0 } }] })
  await request(running.url)
  await until(() => told(running).length > 0)
  t.match(told(running), [{ level: 50, provenance: { attempts: 0 } }])
})

t.test('a route that logs more than its app has provenance', async t => {
  const running = await between(t, persistent(), { logLevel: 'info' } as ProxyOptions, { level: 'warn' })
  await request(running.url)
  t.match(await toldOf(running), FRESH)
})

t.test('hooks can read a provenance; a request that was not forwarded has none', async t => {
  const seen: [string, Provenance | undefined][] = []
  const running = await between(t, persistent(), { prefix: '/proxied', bodyLimit: 1 }, {
    level: 'silent',
    before: app => {
      app.addHook('onSend', async (_request, reply) => { seen.push(['onSend', provenanceOf(reply)]) })
      app.addHook('onResponse', async (_request, reply) => { seen.push(['onResponse', provenanceOf(reply)]) })
      app.get('/own', async () => 'mine')
    }
  })
  await request(`${running.url}/proxied`)
  t.match(seen, [['onSend', { ...FRESH, connection: 1 }], ['onResponse', { ...FRESH, connection: 1 }]])
  seen.length = 0
  await request(`${running.url}/own`)
  t.equal((await request(`${running.url}/proxied`, { method: 'POST', body: 'too long' })).status, 413)
  t.equal((await request(`${running.url}/proxied`, { headers: { via: Array(8).fill('1.1 holdfast').join(', ') } })).status, 508)
  t.strictSame(seen.map(([, provenance]) => provenance), Array(6).fill(undefined))
})

t.test('an app that answers in its own way has provenance too', async t => {
  const running = await between(t, (_request, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'), {
    replyOptions: { onResponse: (_request, reply) => { reply.send('mine') } }
  })
  t.equal(String((await request(running.url)).body), 'mine')
  t.match(await toldOf(running), FRESH)
})

t.test('provenance works with inject() and over HTTP/2', async t => {
  const running = await between(t, phpServer())
  t.equal((await running.app.inject('/')).statusCode, 200)
  t.match(await toldOf(running), FRESH)

  const { stream, lines } = captureLog()
  const app = Fastify({ http2: true, logger: { level: 'info', stream } })
  t.teardown(() => app.close())
  await app.register(gateway)
  await app.register(proxy, { upstream: running.backend.url })
  const session = connectHttp2(await app.listen({ port: 0, host: '127.0.0.1' }))
  t.teardown(() => session.destroy())
  await new Promise((resolve, reject) => session.request({ ':path': '/' }).on('error', reject).on('close', resolve).resume().end())
  t.match(await toldOf({ log: lines }), FRESH)
})

t.test('an app without a logger, or with its own, works', async t => {
  const backend = await backendFor(t, persistent())
  const lines: Record<string, unknown>[] = []
  const child = (bindings: Record<string, unknown>): object => ({
    level: 'info', child: (more: Record<string, unknown>) => child({ ...bindings, ...more }), info: (object: object) => lines.push({ ...bindings, ...object }),
    fatal () {}, error () {}, warn () {}, debug () {}, trace () {}, silent () {}
  })
  for (const options of [{ logger: false }, { loggerInstance: child({}) as never }]) {
    const app = Fastify(options)
    t.teardown(() => app.close())
    await app.register(proxy, { upstream: backend.url })
    t.equal((await app.inject('/')).statusCode, 200)
  }
  t.match(lines.filter(({ provenance }) => provenance !== undefined), [{ responseTime: Number, provenance: FRESH }])
})

t.test('the log line of a refused dial contains no address', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  const running = await gatewayFor(t, { level: 'info', routes: [{ upstream: `http://127.0.0.1:${port}`, target: 'users', pool: { connectRetry: 0 } }] })
  await request(running.url)
  t.notMatch(JSON.stringify(await toldOf(running)), String(port), 'the target has a name of its own')
})

t.test('a request to one of several endpoints names the one that has answered', async t => {
  const losing = await backendFor(t, (_request, connection) => connection.end())
  const serving = await backendFor(t, persistent())
  const running = await gatewayFor(t, { level: 'info', routes: [{ upstream: [losing.url, serving.url], balance: 'round-robin' }] })
  for (let i = 0; i < 2; i++) t.equal((await request(running.url)).status, 200)
  const { id } = running.target.endpoints.list().find(({ address }) => address === serving.url.slice(7))!
  const [first, second] = [await toldOf(running, 1), await toldOf(running, 2)]
  t.strictSame([first.endpoint, second.endpoint], [id, id])
  t.strictSame([first, second].map(({ retries }) => retries).sort(), [[], ['fresh']])
})

t.test('a target of one endpoint is not named twice', async t => {
  const running = await between(t, persistent())
  await request(running.url)
  t.notOk('endpoint' in await toldOf(running))
})
