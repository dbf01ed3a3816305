import { generateKeyPairSync } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import t from 'tap'
import { checkTargetOptions } from '../../src/options/target-options.js'
import { certificates, createAuthority } from '../../testing/certificates.js'

const { ca, server, client } = certificates()
const CUT = ca.slice(0, 200)
const DAMAGED = ca.replace('MII', '!!!')
const OTHER_CA = createAuthority('Another Authority').cert
const encrypted = generateKeyPairSync('ec', {
  namedCurve: 'prime256v1',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'SECRET' },
  publicKeyEncoding: { type: 'spki', format: 'pem' }
}).privateKey
const rsaKeys = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const rsa = rsaKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const rsaEncrypted = rsaKeys.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'SECRET' }).toString()

const check = (connect: unknown): void => checkTargetOptions({ undiciOptions: { connect: connect as object } })

/** Refused options, and the option that the message names. */
const REFUSED: [connect: object, option: string][] = [
  [{ ca: 'plain text' }, 'ca'],
  [{ ca: '' }, 'ca'],
  [{ ca: [] }, 'ca'],
  [{ ca: 5 }, 'ca'],
  [{ ca: CUT }, 'ca'],
  [{ ca: ca.trimEnd().slice(0, -1) }, 'ca'],
  [{ ca: ca + CUT }, 'ca'],
  [{ ca: CUT + ca }, 'ca'],
  [{ ca: DAMAGED }, 'ca'],
  [{ ca: server.key }, 'ca'],
  [{ ca: Buffer.from(CUT) }, 'ca'],
  [{ ca: [ca, 'plain text'] }, 'ca[1]'],
  [{ ca: [ca, { pem: ca }] }, 'ca[1]'],
  [{ cert: 'plain text', key: client.key }, 'cert'],
  [{ cert: CUT, key: client.key }, 'cert'],
  [{ ...client, cert: client.cert + CUT }, 'cert'],
  [{ ...client, cert: client.cert + DAMAGED }, 'cert'],
  [{ cert: client.cert, key: server.key }, 'cert'],
  [{ cert: [client.cert], key: [{ pem: server.key }] }, 'cert'],
  [{ cert: client.cert, key: rsa }, 'cert'],
  [{ cert: [client.cert, server.cert], key: [{ pem: rsaEncrypted, passphrase: 'SECRET' }] }, 'cert'],
  [{ cert: client.cert }, 'cert'],
  [{ key: client.key }, 'key'],
  [{ cert: client.cert, key: 'plain text' }, 'key'],
  [{ cert: client.cert, key: client.key.slice(0, 100) }, 'key'],
  [{ cert: client.cert, key: encrypted }, 'key'],
  [{ cert: client.cert, key: encrypted, passphrase: 'wrong' }, 'key'],
  [{ pfx: 'plain text' }, 'pfx'],
  [{ pfx: [{ buf: Buffer.from('x'), passphrase: 'SECRET' }] }, 'pfx'],
  [{ crl: 'plain text' }, 'crl'],
  [{ ciphers: 'none' }, 'ciphers'],
  [{ sigalgs: 'none' }, 'sigalgs'],
  [{ ecdhCurve: 'none' }, 'ecdhCurve'],
  [{ minVersion: 'TLSv9' }, 'minVersion'],
  [{ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }, 'minVersion'],
  [{ secureProtocol: 'none' }, 'secureProtocol'],
  [{ secureContext: {} }, 'secureContext'],
  [{ secureContext: createSecureContext({}), ca }, 'ca'],
  [{ secureContext: createSecureContext({}), minVersion: 'TLSv1.3' }, 'minVersion'],
  [{ checkServerIdentity: true }, 'checkServerIdentity'],
  [{ pskCallback: 'x' }, 'pskCallback'],
  [{ lookup: {} }, 'lookup'],
  [{ servername: 5 }, 'servername'],
  [{ rejectUnauthorized: 'false' }, 'rejectUnauthorized'],
  [{ session: 'x' }, 'session'],
  [{ family: 5 }, 'family'],
  [{ autoSelectFamily: 1 }, 'autoSelectFamily'],
  [{ autoSelectFamilyAttemptTimeout: 0 }, 'autoSelectFamilyAttemptTimeout'],
  [{ maxCachedSessions: -1 }, 'maxCachedSessions'],
  [{ localAddress: '127.0.0.1' }, 'localAddress']
]

t.test('unusable connect options are refused by name, without secrets', async t => {
  for (const [connect, option] of REFUSED) {
    const error = t.throws(() => check(connect), { code: 'HOLDFAST_ERR_OPTION' }, `${option} ${JSON.stringify(connect).slice(0, 60)}`) as unknown as Error
    t.ok(error.message.startsWith(`undiciOptions.connect.${option}: `), error.message)
    t.notMatch(`${error.message} ${String(error.cause ?? '')}`, /SECRET|-----|MII|undefined|\[object/)
  }
})

t.test('a certificate of another key and an unreadable certificate are different errors', async t => {
  t.throws(() => check({ cert: client.cert, key: server.key }), { message: /cert: is not the certificate of key; / })
  t.throws(() => check({ ca: ca + CUT }), { message: /ca: is cut: / })
  t.throws(() => check({ ca: ca + DAMAGED }), { message: /ca: cannot be read: certificate 2 is damaged/ })
  t.throws(() => check({ cert: client.cert, key: 'x' }), { message: /key: cannot be used \(ERR_\w+\); give a private key in PEM/ })
})

t.test('every form that Node accepts is accepted', async t => {
  const text = (pem: string): string => `Certificate:\n    Data: as openssl x509 -text prints it\n${pem}# a comment\n`
  for (const connect of [
    {}, { ca }, { ca: Buffer.from(ca) }, { ca: new Uint8Array(Buffer.from(ca)) }, { ca: [ca, Buffer.from(OTHER_CA)] }, { ca: ca + OTHER_CA }, { ca: text(ca) + text(OTHER_CA) }, { ca: ca.replaceAll('\n', '\r\n') },
    client, { ...client, cert: client.cert + ca }, { cert: [client.cert], key: [client.key] }, { cert: Buffer.from(client.cert), key: [{ pem: client.key }] }, { ...client, passphrase: 'unused' }, { cert: client.cert, key: [client.key, rsa] }, { cert: client.cert + client.key, key: client.cert + client.key },
    { ca: undefined, cert: null, key: null }, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }, { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }, { secureContext: createSecureContext({ ca }), servername: 'x' },
    { family: 6, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 100, lookup: () => {}, localPort: 0 }, { rejectUnauthorized: false, maxCachedSessions: 0 }
  ]) t.doesNotThrow(() => check(connect), JSON.stringify(connect).slice(0, 60))
})

t.test('an object that changes after a check is checked again', async t => {
  const connect: Record<string, unknown> = { ca }
  check(connect)
  connect['ca'] = CUT
  t.throws(() => check(connect), { message: /connect\.ca: / })
})
