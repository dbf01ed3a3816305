import { connect as connectTls } from 'node:tls'
import type { TlsOptions } from 'node:tls'
import { buildConnector } from 'undici'
import t from 'tap'
import type { Test } from 'tap'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import { TlsSessions } from '../../src/wire/tls-sessions.js'
import { TargetRegistry } from '../../src/target/registry.js'
import type { Target, TargetOptions } from '../../src/index.js'
import { persistent } from '../../testing/behaviours.js'
import { certificates, createAuthority } from '../../testing/certificates.js'
import { backendFor } from '../../testing/gateway.js'

const DAY = 86_400_000
const { authority, ca, client } = certificates()
// Certificates have whole seconds.
const inDays = (days: number): Date => new Date(Math.floor(Date.now() / 1_000) * 1_000 + days * DAY)
const issued = (notAfter: Date): { cert: string, key: string } => authority.issue({ commonName: 'localhost', dnsNames: ['localhost'], notAfter })

/** A target whose connections end with each request, so that each request dials. */
async function targetTo (t: Test, url: string, options: TargetOptions['undiciOptions']): Promise<Target> {
  const registry = new TargetRegistry({ maxDynamicTargets: 1, onObserverError: error => t.fail(String(error)) })
  t.teardown(() => registry.destroy())
  return registry.declare({ origin: new URL(url), options: resolveTargetOptions({}, { undiciOptions: options }), prefix: '/' })
}

async function ask (target: Target): Promise<void> {
  const { body } = await target.request({ path: '/', method: 'GET' })
  await body.dump()
  target.evict()
}

async function secureBackend (t: Test, tls: Pick<TlsOptions, 'cert' | 'key'>): Promise<string> {
  const backend = await backendFor(t, persistent(), { tls })
  return backend.url.replace('127.0.0.1', 'localhost')
}

t.test('a snapshot says when the certificate ends that the backend has shown', async t => {
  const end = inDays(40)
  const target = await targetTo(t, await secureBackend(t, issued(end)), { connect: { ca } })
  t.strictSame(target.snapshot().certificates, { backend: undefined, client: undefined })
  await ask(target)
  t.strictSame(target.snapshot().certificates, { backend: end.getTime(), client: undefined })
})

t.test('the certificate of the backend itself counts, and none that it sends beside it', async t => {
  const end = inDays(40)
  const own = issued(end)
  // The authority's own ends within a day, as a cross-certificate may that is not on the verified path.
  const target = await targetTo(t, await secureBackend(t, { ...own, cert: own.cert + ca }), { connect: { ca } })
  await ask(target)
  t.equal(target.snapshot().certificates.backend, end.getTime())
})

t.test('a resumed session, which shows no certificate, changes nothing; the next whole handshake does', async t => {
  const [first, second] = [inDays(10), inDays(20)]
  const backend = await backendFor(t, persistent(), { tls: issued(first) })
  const target = await targetTo(t, backend.url.replace('127.0.0.1', 'localhost'), { connect: { ca } })
  const resumed: boolean[] = []
  let last: Buffer | undefined
  const renewed = await backendFor(t, persistent(), { tls: issued(second) })
  let to = backend
  const custom = await targetTo(t, backend.url, {
    connect: (_options, callback) => {
      const socket = connectTls({ port: to.port, ca, servername: 'localhost', session: last }, () => {
        resumed.push(socket.isSessionReused())
        callback(null, socket)
      })
      socket.on('session', session => { last = session }).on('error', error => callback(error, null))
    }
  })
  for (let n = 0; n < 2; n++) {
    await ask(target)
    await ask(custom)
    t.equal(target.snapshot().certificates.backend, first.getTime())
    t.equal(custom.snapshot().certificates.backend, first.getTime(), 'of a connect function too')
  }
  t.strictSame(resumed, [false, true])
  to = renewed
  last = undefined
  await ask(custom)
  t.equal(custom.snapshot().certificates.backend, second.getTime())
})

t.test('a connector of undici shows the certificate too, and a plain connection has none', async t => {
  const end = inDays(40)
  const target = await targetTo(t, await secureBackend(t, issued(end)), { connect: buildConnector({ ca }) as never })
  await ask(target)
  t.equal(target.snapshot().certificates.backend, end.getTime())
  const plain = await targetTo(t, (await backendFor(t, persistent())).url, {})
  await ask(plain)
  t.strictSame(plain.snapshot().certificates, { backend: undefined, client: undefined })
})

t.test('an update that makes connections otherwise forgets the certificate', async t => {
  const target = await targetTo(t, await secureBackend(t, issued(inDays(40))), { connect: { ca } })
  await ask(target)
  target.update({ undiciOptions: { connections: 3 } })
  t.ok(target.snapshot().certificates.backend)
  target.update({ undiciOptions: { connect: { ca, servername: 'localhost', ...client } } })
  const { backend, client: own } = target.snapshot().certificates
  t.equal(backend, undefined)
  t.ok(own! > Date.now())
})

t.test('the client certificate is read from connect.cert, in each form that it may have', async t => {
  const end = inDays(30)
  const own = authority.issue({ commonName: 'Test Client', usage: 'client', notAfter: end })
  const later = createAuthority('Another').issue({ commonName: 'other', usage: 'client', notAfter: inDays(60) })
  const endOf = async (connect: object): Promise<number | undefined> => (await targetTo(t, 'https://localhost:9', { connect })).snapshot().certificates.client
  t.equal(await endOf({ ...own }), end.getTime())
  t.equal(await endOf({ cert: Buffer.from(own.cert), key: own.key }), end.getTime())
  t.equal(await endOf({ cert: `text before\n${own.cert}${later.cert}`, key: own.key }), end.getTime(), 'the first to end of a chain')
  t.equal(await endOf({ cert: new Uint8Array(Buffer.from(own.cert)), key: own.key }), end.getTime())
  t.equal(await endOf({ cert: [own.cert], key: [own.key] }), end.getTime())
  t.equal(await endOf({ ca }), undefined)
})

t.test('a session is resumed until an hour after the handshake that showed a certificate', async t => {
  let now = 0
  const sessions = new TlsSessions(() => now)
  const listeners: ((session: Buffer) => void)[] = []
  sessions.keepOf({ on: (_event: string, listener: (session: Buffer) => void) => listeners.push(listener) } as never)
  const [first, second] = [Buffer.from('first'), Buffer.from('second')]
  sessions.shaken(false)
  listeners[0]!(first)
  t.equal(sessions.last, first)
  now = 3_599_999
  t.equal(sessions.last, first)
  sessions.shaken(true)
  listeners[0]!(second)
  now = 3_600_000
  t.equal(sessions.last, undefined, 'although it has just been resumed')
  sessions.shaken(false)
  t.equal(sessions.last, second)
})
