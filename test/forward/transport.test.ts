import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ConnectOptions } from '../../src/index.js'
import type { Backend, BackendOptions } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'
import { type Answer, request } from '../../testing/client.js'
import { backendFor, gatewayFor } from '../../testing/gateway.js'
import type { RunningGateway } from '../../testing/gateway.js'

const { ca, server, client, authority } = certificates()

async function between (t: Test, tls: BackendOptions['tls'], connect: ConnectOptions): Promise<RunningGateway & { backend: Backend }> {
  const backend = await backendFor(t, persistent(), { tls, log: true })
  const running = await gatewayFor(t, { gateway: { pool: { connectRetry: 0 } }, routes: [{ upstream: backend.url, undiciOptions: { connect } }] })
  return Object.assign(running, { backend })
}

const codeOf = ({ body }: Answer): unknown => (JSON.parse(body.toString()) as { code: unknown }).code

t.test('TLS is verified by default', async t => {
  const unknown = await between(t, server, {})
  const refused = await request(unknown.url)
  t.equal(refused.status, 502)
  t.equal(codeOf(refused), 'HOLDFAST_ERR_TLS')
  t.equal(unknown.backend.requests, 0)
  t.equal((await request((await between(t, server, { ca })).url)).status, 200, 'an issuer that is trusted')
  t.equal((await request((await between(t, server, { rejectUnauthorized: false })).url)).status, 200, 'or nobody asked')
})

t.test('a certificate for another name, or of another time, is refused', async t => {
  const hour = 3_600_000
  const rows = [
    ['name', authority.issue({ commonName: 'other', dnsNames: ['other.example'] })],
    ['time', authority.issue({ commonName: 'localhost', addresses: ['127.0.0.1'], notBefore: new Date(Date.now() - 2 * hour), notAfter: new Date(Date.now() - hour) })]
  ] as const
  for (const [title, certificate] of rows) {
    const { url, backend } = await between(t, certificate, { ca })
    const refused = await request(url)
    t.equal(refused.status, 502, title)
    t.equal(codeOf(refused), 'HOLDFAST_ERR_TLS', title)
    t.equal(backend.requests, 0)
  }
  const named = await between(t, rows[0][1], { ca, servername: 'other.example' })
  t.equal((await request(named.url)).status, 200, 'unless that name is the one asked for')
})

t.test('a backend that asks for a certificate gets the one of its target', async t => {
  const tls = { ...server, requestCert: true, ca }
  const known = await between(t, tls, { ca, ...client })
  for (let n = 0; n < 3; n++) t.equal((await request(known.url)).status, 200)
  t.equal(known.backend.accepted, 1)
  const nobody = await between(t, tls, { ca })
  t.equal((await request(nobody.url)).status, 502)
  t.equal(nobody.backend.requests, 0)
})

t.test('targets with other certificates share no connection', async t => {
  const backend = await backendFor(t, persistent(), { tls: { ...server, requestCert: true, ca } })
  const other = authority.issue({ commonName: 'Other Client', usage: 'client' })
  const { url, gateway } = await gatewayFor(t, {
    routes: [
      { upstream: backend.url, prefix: '/a', undiciOptions: { connect: { ca, ...client } } },
      { upstream: backend.url, prefix: '/b', undiciOptions: { connect: { ca, ...other } } }
    ]
  })
  for (const path of ['/a', '/b', '/a', '/b']) t.equal((await request(url + path)).status, 200)
  t.equal([...gateway.targets].length, 2)
  t.equal(backend.accepted, 2)
})

t.test('a target keeps its TLS connection whatever Host its clients send', async t => {
  const { url, backend } = await between(t, server, { ca })
  for (const host of ['a.example', 'b.example', '127.0.0.1', 'a.example']) t.equal((await request(url, { headers: { host } })).status, 200)
  t.equal(backend.accepted, 1)
})

t.test('an upstream may be a unix socket', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socketPath = join(folder, 'backend.sock')
  const backend = await backendFor(t, ({ path }, connection) => connection.reply({ body: path }), { socketPath })
  const { url } = await gatewayFor(t, {
    routes: [
      { upstream: `unix+http://${encodeURIComponent(socketPath)}/base`, prefix: '/by-url' },
      { upstream: 'http://localhost/base', prefix: '/by-option', undiciOptions: { socketPath } }
    ]
  })
  for (const prefix of ['/by-url', '/by-option']) {
    for (let n = 0; n < 2; n++) t.equal((await request(`${url}${prefix}/x?y`)).body.toString(), '/base/x?y', prefix)
  }
  t.equal(backend.accepted, 1, 'one target, by either name')
})

t.test('a missing unix socket is a 502 that does not name it', async t => {
  const { url, log } = await gatewayFor(t, {
    gateway: { pool: { connectRetry: 0 } },
    routes: [{ upstream: 'http://localhost', undiciOptions: { socketPath: '/nonexistent/backend.sock' } }]
  })
  const answer = await request(url)
  t.equal(answer.status, 502)
  t.equal(codeOf(answer), 'HOLDFAST_ERR_CONNECT')
  t.notMatch(answer.body.toString(), /sock|ENOENT/)
  t.match(JSON.stringify(log), /ENOENT/, 'the log does')
})
