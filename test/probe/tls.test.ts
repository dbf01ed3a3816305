import { constants } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import t from 'tap'
import { probe } from '../../src/probe/probe.js'
import { startBackend } from '../../testing/backend.js'
import { idleCloser, phpServer } from '../../testing/behaviours.js'
import { certificates } from '../../testing/certificates.js'

const { ca, server, client } = certificates()
const QUICK = { maxWait: 5_000, connections: 1, requests: 5 }

t.test('over TLS: the handshake, and that it resumes', async t => {
  const backend = await startBackend(idleCloser({ idleMs: 1_000, how: 'fin' }), { tls: server })
  t.teardown(() => backend.close())
  const report = await probe(new URL(backend.url), { ...QUICK, connect: { ca } })
  t.match(report, { persistent: true, closesBy: 'fin', idleTimeoutMs: Number, connectMs: Number, tlsMs: Number, tlsResumes: true, headReuses: true })
  t.ok(report.tlsMs! > 0)
})

t.test('the handshake of one that keeps no connections is measured too', async t => {
  const backend = await startBackend(phpServer(), { tls: server })
  t.teardown(() => backend.close())
  t.match(await probe(new URL(backend.url), { ...QUICK, connect: { ca } }), { persistent: false, tlsMs: Number, tlsResumes: true })
})

t.test('sessions that cannot be resumed', async t => {
  // TLS 1.2 without tickets, and a server that stores no sessions.
  const backend = createServer({ ...server, maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET, sessionTimeout: 1 }, socket => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')).on('error', () => {})
  })
  backend.on('resumeSession', (_id, callback) => callback(null, null))
  await new Promise<void>(resolve => backend.listen(0, '127.0.0.1', resolve))
  t.teardown(() => backend.close())
  const url = new URL(`https://127.0.0.1:${(backend.address() as AddressInfo).port}`)
  t.match(await probe(url, { ...QUICK, maxWait: 300, connect: { ca } }), { persistent: true, tlsMs: Number, tlsResumes: false })
})

t.test('an untrusted certificate is refused, unless rejectUnauthorized is false', async t => {
  const backend = await startBackend(phpServer(), { tls: server })
  t.teardown(() => backend.close())
  await t.rejects(probe(new URL(backend.url), QUICK), { code: 'HOLDFAST_ERR_TLS' })
  t.match(await probe(new URL(backend.url), { ...QUICK, connect: { rejectUnauthorized: false } }), { persistent: false, tlsMs: Number })
})

t.test('mutual TLS, by name', async t => {
  const backend = await startBackend(phpServer(), { tls: { ...server, ca, requestCert: true } })
  t.teardown(() => backend.close())
  const report = await probe(new URL(backend.url), { ...QUICK, connect: { ca, ...client, servername: 'localhost' } })
  t.match(report, { persistent: false, tlsMs: Number, tlsResumes: true })
})

t.test('a backend that speaks no TLS', async t => {
  const backend = await startBackend({
    onConnection: connection => {
      connection.takeOver()
      connection.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    },
    onRequest: () => {}
  })
  t.teardown(() => backend.close())
  await t.rejects(probe(new URL(backend.url.replace('http:', 'https:')), QUICK), { code: 'HOLDFAST_ERR_TLS' })
})
