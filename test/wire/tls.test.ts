import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectPlain, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls, createSecureContext } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { certificates, createAuthority } from '../../testing/certificates.js'
import { Noted, dialerFor, serverFor } from './socket-reader.js'
import type { To } from './socket-reader.js'

const { authority, ca, client, server: own } = certificates()

/**
 * Dials `times` connections, one after another, each with an answer. Returns whether each has resumed a session.
 *
 * @param at when each is dialled, on the clock of the dialer
 */
async function resumptions (t: Parameters<typeof serverFor>[0], times: number, { version, at = [], ...to }: To & { version?: 'TLSv1.2' | 'TLSv1.3', at?: readonly number[] } = {}): Promise<boolean[]> {
  const server = await serverFor(t, { tls: { ...own, ...version && { minVersion: version, maxVersion: version } } })
  let now = 0
  const dial = dialerFor(t, server.url, { clock: () => now, ...to })
  const resumed: boolean[] = []
  for (let i = 0; i < times; i++) {
    now = at[i] ?? 0
    const [peer, socket] = await Promise.all([server.accepted() as Promise<TLSSocket>, dial()])
    resumed.push(peer.isSessionReused())
    const noted = new Noted(socket)
    // TLS 1.3 sends session tickets before the first data.
    peer.end('answer')
    await noted.untilTold('end')
    socket.destroy()
  }
  return resumed
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`the next connection of a target resumes its session: ${version}`, async t => {
    t.same(await resumptions(t, 3, { version }), [false, true, true])
  })

  t.test(`a session of a server whose name does not match is not kept: ${version}`, async t => {
    const other = authority.issue({ commonName: 'other', dnsNames: ['other.test'] })
    const server = await serverFor(t, { tls: { ...other, minVersion: version, maxVersion: version } })
    const dial = dialerFor(t, server.url)
    for (let i = 0; i < 3; i++) {
      await t.rejects(dial(), { code: 'HOLDFAST_ERR_TLS', cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
    }
  })
}

t.test('a session is resumed for an hour after the handshake that showed a certificate', async t => {
  const hour = 3_600_000
  t.same(await resumptions(t, 5, { at: [0, hour - 1, hour, hour + 1, 2 * hour] }), [false, true, false, true, false])
})

t.test('maxCachedSessions 0 keeps no session', async t => {
  t.same(await resumptions(t, 3, { connect: { maxCachedSessions: 0 } }), [false, false, false])
})

t.test('a session that the server has forgotten leads to a whole handshake', async t => {
  const first = await serverFor(t, { tls: own })
  const second = await serverFor(t, { tls: own })
  let port = first.port
  const relay = createServer(socket => {
    const to = connectPlain(port, '127.0.0.1')
    socket.on('error', () => {}).pipe(to.on('error', () => {})).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  t.teardown(() => relay.close())
  const dial = dialerFor(t, new URL(`https://127.0.0.1:${(relay.address() as AddressInfo).port}`))
  for (const server of [first, second]) {
    port = server.port
    const [peer, socket] = await Promise.all([server.accepted() as Promise<TLSSocket>, dial()])
    t.equal(peer.isSessionReused(), false)
    const noted = new Noted(socket)
    peer.end('answer')
    await noted.untilTold('end')
    socket.destroy()
  }
})

t.test('the server\'s certificate is verified', async t => {
  const server = await serverFor(t, { tls: own })
  await t.rejects(dialerFor(t, server.url, { connect: { ca: createAuthority('Another').cert } })(), { code: 'HOLDFAST_ERR_TLS' })
  await t.resolves(dialerFor(t, server.url, { connect: { ca: createAuthority('Another').cert, rejectUnauthorized: false } })())
  await t.rejects(dialerFor(t, server.url, { connect: { checkServerIdentity: () => new Error('not this one') } })(), { cause: { message: 'not this one' } })
})

t.test('the server name is the host or servername; an address is not sent as a name', async t => {
  const server = await serverFor(t, { tls: own })
  const asked = async (host: string, to?: To): Promise<string | false | null> => {
    const [peer] = await Promise.all([server.accepted() as Promise<TLSSocket & { servername: string | false | null }>, dialerFor(t, new URL(`https://${host}:${server.port}`), to)()])
    return peer.servername
  }
  t.equal(await asked('localhost'), 'localhost')
  t.equal(await asked('127.0.0.1'), false)
  t.equal(await asked('127.0.0.1', { connect: { servername: 'localhost' } }), 'localhost')
})

t.test('the client offers HTTP/1.1 only', async t => {
  const server = await serverFor(t, { tls: { ...own, ALPNProtocols: ['h2', 'http/1.1'] } })
  const [peer] = await Promise.all([server.accepted() as Promise<TLSSocket>, dialerFor(t, server.url, { connect: { allowH2: true } as object })()])
  t.equal(peer.alpnProtocol, 'http/1.1')
})

t.test('a client certificate is sent, given directly or in a context', async t => {
  const server = await serverFor(t, { tls: { ...own, requestCert: true, ca } })
  for (const connect of [{ ...client }, { ca: undefined as never, secureContext: createSecureContext({ ca, ...client }) }]) {
    const [peer] = await Promise.all([server.accepted() as Promise<TLSSocket>, dialerFor(t, server.url, { connect })()])
    t.equal(peer.authorized, true)
    t.equal(peer.getPeerCertificate().subject.CN, 'Test Client')
  }
})

t.test('TLS over a unix socket', async t => {
  const path = join(tmpdir(), `holdfast-wire-tls-${process.pid}.sock`)
  t.teardown(() => rmSync(path, { force: true }))
  const server = await serverFor(t, { tls: own, path })
  const dial = dialerFor(t, new URL('https://localhost'), { socketPath: path })
  const [peer, socket] = await Promise.all([server.accepted(), dial()])
  const noted = new Noted(socket)
  peer.end('over a file')
  await noted.untilTold('end')
  t.same([noted.text, socket.ending], ['over a file', 'fin'])
})

t.test('a TLS socket over a duplex, as a connect function may make it, is read like others', async t => {
  const server = await serverFor(t, { tls: own })
  const dial = dialerFor(t, server.url, {
    connect: (to, callback) => {
      const socket: TLSSocket = connectTls({ socket: throughDuplex(connectPlain(Number(to.port), '127.0.0.1')), ca, servername: 'localhost' }, () => callback(null, socket))
      socket.on('error', () => {})
    }
  })
  const [peer, socket] = await Promise.all([server.accepted(), dial()])
  const noted = new Noted(socket)
  socket.write('to it')
  t.equal(String((await once(peer, 'data'))[0]), 'to it')
  peer.end('from it')
  await noted.untilTold('end')
  t.equal(noted.text, 'from it')
  socket.destroy()
  await noted.untilTold('close')
})

t.test('a reset of a TLS connection is not taken for its end', async t => {
  const raw: Socket[] = []
  const server = await serverFor(t, { tls: own })
  const relay = createServer(socket => {
    raw.push(socket)
    socket.on('error', () => {}).pipe(connectPlain(server.port, '127.0.0.1').on('error', () => {})).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  t.teardown(() => relay.close())
  const dial = dialerFor(t, new URL(`https://127.0.0.1:${(relay.address() as AddressInfo).port}`))
  const [peer, socket] = await Promise.all([server.accepted(), dial()])
  const noted = new Noted(socket)
  peer.write('answer')
  await noted.until(() => noted.text === 'answer')
  raw[0]!.resetAndDestroy()
  await noted.until(() => socket.ending !== undefined)
  t.equal(socket.ending, 'reset')
})

t.test('a handshake that is cut fails the dial', async t => {
  const server = createServer(socket => socket.once('data', () => socket.end())).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  await t.rejects(dialerFor(t, new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`))(), { code: 'HOLDFAST_ERR_CONNECT', cause: { code: 'ECONNRESET' } })
})

function throughDuplex (socket: Socket): Duplex {
  const duplex = new Duplex({
    read () { socket.resume() },
    write (chunk, _encoding, done) { socket.write(chunk, done) },
    final (done) { socket.end(done) },
    destroy (error, done) {
      socket.destroy()
      done(error)
    }
  })
  socket.on('data', chunk => { if (!duplex.push(chunk)) socket.pause() })
  socket.on('end', () => duplex.push(null)).on('error', error => duplex.destroy(error))
  return duplex
}
