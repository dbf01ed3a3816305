import { createSecureContext } from 'node:tls'
import t from 'tap'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import type { ConnectOptions } from '../../src/options/option-types.js'
import { rigFor } from '../connection/setup.js'
import { certificates, createAuthority } from '../../testing/certificates.js'
import { backendFor } from '../../testing/gateway.js'

const { ca, server, client } = certificates()
const OTHER_CA = createAuthority('Another Authority').cert

t.test('two SecureContexts are two targets, and one that is shared is one', async t => {
  const { registry } = rigFor(t, 'https://127.0.0.1:1')
  const declare = (connect: ConnectOptions): object =>
    registry.declare({ origin: new URL('https://users.internal'), options: resolveTargetOptions({}, { undiciOptions: { connect } }), prefix: '/' })
  const one = { secureContext: createSecureContext({ ca, ...client }) }
  const other = { secureContext: createSecureContext({ ca, ...client }) }
  t.not(declare(one), declare(other), 'whose certificate is in them cannot be seen')
  t.equal(declare(one), declare({ ...one }))
  const check = (): undefined => undefined
  t.not(declare({ checkServerIdentity: check }), declare({ checkServerIdentity: () => undefined }))
  t.equal(declare({ checkServerIdentity: check }), declare({ checkServerIdentity: check }))
  t.equal(declare({ ca: Buffer.from(ca) }), declare({ ca: Buffer.from(ca) }), 'bytes are compared by value')
})

t.test('an update to a SecureContext that was rotated ends the connections of the old one', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { tls: server })
  const rig = rigFor(t, backend.url, { undiciOptions: { connect: { secureContext: createSecureContext({ ca }), servername: 'localhost' } } })
  t.match(await rig.send().over, { status: 200 })
  await rig.until(({ counts }) => counts.idle === 1)
  rig.target.update({ undiciOptions: { connect: { secureContext: createSecureContext({ ca: OTHER_CA }), servername: 'localhost' } } })
  t.same(rig.reasons, ['updated'])
  t.match(await rig.send().over, { error: { code: 'HOLDFAST_ERR_TLS' } }, 'the new one trusts another authority')
})

t.test('an update with a certificate that cannot be used is refused, and the connections go on', async t => {
  const backend = await backendFor(t, (_request, connection) => connection.reply(), { tls: server })
  const rig = rigFor(t, backend.url, { undiciOptions: { connect: { ca, servername: 'localhost' } } })
  await rig.send().over
  await rig.until(({ counts }) => counts.idle === 1)
  const before = rig.target.snapshot().limits
  const rows: [ConnectOptions, RegExp][] = [
    [{ ca: ca.slice(0, 200) }, /connect\.ca: is cut/],
    [{ ca: 'plain text' }, /connect\.ca: holds no certificate/],
    [{ ca, cert: client.cert, key: server.key }, /connect\.cert: is not the certificate of key/],
    [{ ca, cert: client.cert.slice(0, 200), key: client.key }, /connect\.cert: is cut/],
    [{ ca, ...client, ciphers: 'none' }, /connect\.ciphers: "none"/],
    [{ ca, checkServerIdentity: true as never }, /connect\.checkServerIdentity: true must be a function/]
  ]
  for (const [connect, message] of rows) t.throws(() => rig.target.update({ undiciOptions: { connections: 5, connect } }), { code: 'HOLDFAST_ERR_OPTION', message })
  t.equal(rig.target.snapshot().limits, before)
  t.match(await rig.send().over, { status: 200 })
  t.equal(backend.accepted, 1, 'over the connection that was there')
  t.same(rig.reasons, [])
})
