import { once } from 'node:events'
import { connect } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { gateway, getGateway, proxy } from '../../src/index.js'
import type { DrainOptions, Gateway } from '../../src/index.js'
import type { Backend, BackendScript } from '../../testing/backend.js'
import { createAuthority } from '../../testing/certificates.js'
import { request } from '../../testing/client.js'
import { backendFor, captureLog, until } from '../../testing/gateway.js'
import type { LogLine } from '../../testing/gateway.js'

interface Setup { readonly app: FastifyInstance, readonly running: Gateway, readonly log: LogLine[], readonly backend: Backend, readonly url: string, asked: number }

const ca = createAuthority('drain')
const { cert, key } = ca.issue({ commonName: 'localhost', dnsNames: ['localhost'], addresses: ['127.0.0.1'] })
const KINDS = {
  'HTTP/2': { http2: true },
  'HTTP/2 over TLS': { http2: true, https: { cert, key } },
  'HTTP/2 over TLS, with HTTP/1 beside it': { http2: true, https: { cert, key, allowHTTP1: true } }
} as const
type Kind = keyof typeof KINDS

async function setup (t: Test, kind: Kind, script: BackendScript, drain: DrainOptions): Promise<Setup> {
  const backend = await backendFor(t, script)
  const { stream, lines } = captureLog()
  const app = Fastify({ ...KINDS[kind], logger: { level: 'warn', stream } } as object) as unknown as FastifyInstance
  t.teardown(() => app.close())
  const setup: Pick<Setup, 'asked'> = { asked: 0 }
  app.addHook('onRequest', async () => { setup.asked++ })
  await app.register(gateway, { drain, pressure: false })
  await app.register(proxy, { upstream: backend.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const url = `http${kind === 'HTTP/2' ? '' : 's'}://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return Object.assign(setup, { app, running: getGateway(app), log: lines, backend, url })
}

function sessionFor (t: Test, url: string): ClientHttp2Session {
  const session = connect(url, { ca: ca.cert }).on('error', () => {})
  t.teardown(() => session.destroy())
  return session
}

/** How a stream ended for its client: what it read, and whether it was cut. */
async function endOf (stream: ClientHttp2Stream): Promise<{ body: string, cut: boolean }> {
  let body = ''
  let cut = false
  stream.setEncoding('utf8').on('data', chunk => { body += chunk }).on('error', () => { cut = true }).on('aborted', () => { cut = true })
  await new Promise<void>(resolve => stream.once('close', resolve))
  return { body, cut: cut || stream.rstCode !== 0 }
}

for (const kind of Object.keys(KINDS) as Kind[]) {
  t.test(`${kind}: a session without a stream ends at once`, async t => {
    const { running, url, log } = await setup(t, kind, (_request, connection) => connection.reply({ body: 'x' }), { deadline: 30_000 })
    const used = sessionFor(t, url)
    t.same(await endOf(used.request({ ':path': '/' })), { body: 'x', cut: false })
    const fresh = sessionFor(t, url)
    await once(fresh, 'remoteSettings')
    const told = Promise.all([used, fresh].map(async session => await once(session, 'goaway')))
    await running.drain()
    t.same((await told).map(([code]) => code as number), [0, 0], 'each has had a GOAWAY without an error')
    t.same(log, [])
  })

  t.test(`${kind}: requests in flight finish, and no new request begins on the session`, async t => {
    let answer = (): void => {}
    const { running, url, backend, log, app } = await setup(t, kind, (_request, connection) => { answer = () => connection.reply({ body: 'done' }) }, { deadline: 30_000 })
    const session = sessionFor(t, url)
    const end = endOf(session.request({ ':path': '/' }))
    await backend.waitFor(({ requests }) => requests === 1)
    const told = once(session, 'goaway')
    const drained = running.drain()
    await told
    t.equal(app.server.listening, false)
    // Node 20 throws; with Node 24 the stream fails.
    await t.rejects(async () => once(session.request({ ':path': '/' }), 'response'), { code: /ERR_HTTP2_/ })
    answer()
    t.same(await end, { body: 'done', cut: false })
    await drained
    t.same(log, [])
  })

  t.test(`${kind}: at the deadline remaining requests are cut, counted and logged`, async t => {
    const asked = await setup(t, kind, ({ path }, connection) => {
      if (path === '/events') connection.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
    }, { deadline: 150 })
    const { running, url, backend, log } = asked
    const session = sessionFor(t, url)
    const events = session.request({ ':path': '/events' })
    await once(events, 'response')
    const hung = session.request({ ':path': '/hung' })
    const uploading = sessionFor(t, url).request({ ':path': '/upload', ':method': 'POST' })
    uploading.write('x'.repeat(100))
    await backend.waitFor(({ requests }) => requests === 2)
    await until(() => asked.asked === 3)
    const ends = Promise.all([events, hung, uploading].map(endOf))
    const began = performance.now()
    await running.drain()
    t.ok(performance.now() - began >= 140, 'not before its deadline')
    t.same((await ends).map(({ cut }) => cut), [true, true, true])
    t.match(log.filter(({ msg }) => /deadline/.test(msg ?? '')), [{ connections: 2, sessions: 2, deadline: 150 }])
    await backend.waitFor(({ open }) => open === 0)
  })
}

t.test('a handshake that hangs holds the app no longer than the deadline', async t => {
  for (const kind of ['HTTP/2 over TLS', 'HTTP/2'] as const) {
    const { app, url } = await setup(t, kind, () => {}, { deadline: 100 })
    const accepted = once(app.server, 'connection')
    const silent = connectTcp(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    t.teardown(() => silent.destroy())
    await accepted
    await app.close()
    t.pass(kind)
  }
})

t.test('an HTTP/1 client beside HTTP/2 gets its answer, and one that hangs does not hold the app', async t => {
  let answer = (): void => {}
  const { running, app, url, backend } = await setup(t, 'HTTP/2 over TLS, with HTTP/1 beside it', ({ path }, connection) => {
    if (path === '/answered') answer = () => connection.reply({ body: 'x' })
  }, { deadline: 300 })
  const answered = request(`${url}/answered`, { tls: { ca: ca.cert } })
  request(`${url}/hung`, { tls: { ca: ca.cert } }).catch(() => {})
  await backend.waitFor(({ requests }) => requests === 2)
  const drained = running.drain()
  await until(() => !app.server.listening)
  answer()
  t.match(await answered, { status: 200, headers: { connection: 'close' } })
  await drained
})
