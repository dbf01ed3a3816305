import { X509Certificate, createPrivateKey } from 'node:crypto'
import type { PrivateKeyInput } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { SecureContextOptions } from 'node:tls'
import { HoldfastError, optionError } from '../errors.js'
import { FUNCTION, holding, whole } from './kinds.js'
import type { Kind } from './kinds.js'
import { faultOfCertificates, textOfPem } from './pem.js'
import { LONGEST_TIMER } from './timer.js'
import { OF_THE_CONTEXT } from './tls-identity.js'

type Given = Readonly<Record<string, unknown>>
/** What tls or net would throw for at the first dial, or take for something else; what the table of options has is checked before. */
const KINDS: Readonly<Record<string, Kind>> = {
  checkServerIdentity: FUNCTION,
  pskCallback: FUNCTION,
  localPort: whole(0, 65_535),
  hints: whole(0, LONGEST_TIMER),
  minDHSize: whole(1, LONGEST_TIMER),
  session: holding(value => ArrayBuffer.isView(value), 'must be a Buffer', 'Buffer'),
  secureContext: holding(isSecureContext, 'must be made by tls.createSecureContext()', 'SecureContext'),
  localAddress: holding(() => false, 'has no effect here; give undiciOptions.localAddress', 'undefined')
}

function isSecureContext (value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { context?: unknown }).context === 'object'
}

const REMEDIES: Readonly<Record<string, string>> = {
  cert: 'give a certificate in PEM, with those of its issuers behind it',
  key: 'give a private key in PEM, and its passphrase where it is encrypted',
  pfx: 'give a PKCS #12 file as a Buffer, and its passphrase',
  crl: 'give a certificate revocation list in PEM',
  ciphers: 'give names that OpenSSL knows, like TLS_AES_256_GCM_SHA384, separated by colons',
  sigalgs: 'give names that OpenSSL knows, like ECDSA+SHA256, separated by colons',
  ecdhCurve: 'give curves that OpenSSL knows, like X25519:P-256, or leave it out',
  minVersion: 'give TLSv1.2 or TLSv1.3',
  maxVersion: 'give TLSv1.2 or TLSv1.3'
}
// What is told of the others is their value, which is no secret.
const SHOWN: readonly string[] = ['ciphers', 'sigalgs', 'ecdhCurve', 'minVersion', 'maxVersion', 'secureProtocol']
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

/** What a `connect` held when it passed. The gateway's is looked at again with each route, and a bundle of authorities takes milliseconds. */
const passed = new WeakMap<object, readonly unknown[]>()

/**
 * Throws HOLDFAST_ERR_OPTION for what no connection could be made with: what `tls.connect` would throw for at the first dial, and
 * what it passes over in silence (a cut `ca`, a `cert` without its `key`). No message holds a key, a passphrase or a certificate.
 */
export function checkConnect (connect: object, option: string): void {
  const given = connect as Given
  for (const [name, kind] of Object.entries(KINDS)) {
    if (given[name] !== undefined) kind.check!(given[name], `${option}.${name}`)
  }
  const values = OF_THE_CONTEXT.map(name => given[name])
  if (passed.get(connect)?.every((value, i) => value === values[i]) !== true) checkContext(given, option)
  passed.set(connect, values)
}

function checkContext (given: Given, option: string): void {
  // Node takes null for not given.
  const names = OF_THE_CONTEXT.filter(name => given[name] !== undefined && given[name] !== null)
  const [first] = names
  if (first === undefined) return
  if (given['secureContext'] !== undefined) throw refusal(`${option}.${first}`, 'has no effect beside secureContext; give it to tls.createSecureContext()')
  for (const name of ['ca', 'cert'] as const) {
    if (names.includes(name)) checkCertificates(given[name], `${option}.${name}`)
  }
  const { cert, key, privateKeyIdentifier, minVersion, maxVersion } = given
  if (cert && !key && !privateKeyIdentifier) throw refusal(`${option}.cert`, 'has no key, and would not be used; give its private key as key')
  if (key && !cert) throw refusal(`${option}.key`, 'has no certificate, and would not be used; give its certificate as cert')

  const context = Object.fromEntries(names.map(name => [name, given[name]]))
  const cause = failureOf(context)
  if (cause !== undefined) throw contextError(context, names, option, cause)
  if (cert && key && !belongTogether(cert, key, given['passphrase'])) throw notOfKey(option)
  if (minVersion && maxVersion && VERSIONS.indexOf(minVersion as string) > VERSIONS.indexOf(maxVersion as string)) {
    throw optionError(`${option}.minVersion`, minVersion, `is above maxVersion (${String(maxVersion)})`)
  }
}

function checkCertificates (value: unknown, option: string): void {
  const pieces: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (pieces.length === 0) throw refusal(option, 'holds no certificate; leave it out for the authorities that Node trusts')
  for (const [i, piece] of pieces.entries()) {
    const where = Array.isArray(value) ? `${option}[${i}]` : option
    const pem = textOfPem(piece)
    if (pem === undefined) throw refusal(where, 'must be a string, a Buffer, or an array of them')
    const fault = faultOfCertificates(pem)
    if (fault !== undefined) throw refusal(where, `${fault}; give the whole file, with its BEGIN and END lines`)
  }
}

function failureOf (context: SecureContextOptions): Error | undefined {
  try {
    // Without a `ca`, all of Node's own authorities would be put into it.
    createSecureContext({ ca: [], ...context })
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** OpenSSL does not say which option it is about: it is the one that fails by itself, or else the certificate that is another key's. */
function contextError (context: SecureContextOptions, names: readonly (typeof OF_THE_CONTEXT)[number][], option: string, cause: Error): HoldfastError {
  const { passphrase } = context
  const name = names.find(name => failureOf({ [name]: context[name as keyof SecureContextOptions], ...(passphrase === undefined ? {} : { passphrase }) }) !== undefined)
  if (name === undefined) {
    return context.cert !== undefined && context.key !== undefined
      ? notOfKey(option, cause)
      : refusal(option, `is refused by tls.createSecureContext: ${cause.message}`, cause)
  }
  const remedy = `cannot be used${codeOf(cause)}${REMEDIES[name] === undefined ? '' : `; ${REMEDIES[name]}`}`
  return SHOWN.includes(name) ? optionError(`${option}.${name}`, context[name as keyof SecureContextOptions], remedy) : refusal(`${option}.${name}`, remedy, cause)
}

function notOfKey (option: string, cause?: Error): HoldfastError {
  return refusal(`${option}.cert`, 'is not the certificate of key; give the two that belong together', cause)
}

/** Whether a key is that of a certificate. OpenSSL compares only those of one kind: an RSA key beside an EC certificate would not be used. */
function belongTogether (cert: unknown, key: unknown, passphrase: unknown): boolean {
  const leaves = [cert].flat().map(pem => readOr(() => new X509Certificate(pem as string)))
  const keys = [key].flat().map(one => readOr(() => createPrivateKey(keyInputOf(one, passphrase))))
  // What cannot be read so, OpenSSL has read: it holds more than one thing.
  return [...leaves, ...keys].includes(undefined) || leaves.some(leaf => keys.some(own => leaf!.checkPrivateKey(own!)))
}

function keyInputOf (key: unknown, passphrase: unknown): PrivateKeyInput {
  const { pem, passphrase: own } = typeof key === 'object' && key !== null && 'pem' in key ? key as { pem: unknown, passphrase?: unknown } : { pem: key }
  const given = own ?? passphrase
  return { key: pem as string, format: 'pem', ...given === undefined || given === null ? {} : { passphrase: given as string } }
}

function readOr<T> (read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function codeOf ({ code }: NodeJS.ErrnoException): string {
  return code === undefined ? '' : ` (${code})`
}

/** Without the value, which may be a secret, or a long one. Node's own words for a wrong type hold it too. */
function refusal (option: string, remedy: string, cause?: NodeJS.ErrnoException): HoldfastError {
  return new HoldfastError('HOLDFAST_ERR_OPTION', { message: `${option}: ${remedy}`, ...(cause === undefined || cause.code === 'ERR_INVALID_ARG_TYPE' ? {} : { cause }) })
}
