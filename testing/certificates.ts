import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { bits, explicit, identifier, implicit, integer, octets, sequence, setOf, text, time, yes } from './der.js'

/** A certificate and its private key, both PEM. */
export interface Certificate {
  cert: string
  key: string
}

export interface CertificateRequest {
  commonName: string
  /** @default 'server' */
  usage?: 'server' | 'client'
  dnsNames?: string[]
  /** IPv4 addresses. */
  addresses?: string[]
  /** @default an hour ago */
  notBefore?: Date
  /** @default in a day */
  notAfter?: Date
}

/**
 * A certificate authority that lives as long as the process. It writes certificates itself, byte by byte: not every machine has the openssl
 * program, and the smallest package for it brings twenty others.
 */
export interface Authority {
  /** The certificate that a peer has to trust, in PEM. */
  readonly cert: string
  issue (request: CertificateRequest): Certificate
}

const HOUR = 3_600_000
const ECDSA_WITH_SHA256 = sequence(identifier('1.2.840.10045.4.3.2'))
const COMMON_NAME = identifier('2.5.4.3')
const KEY_USAGE = identifier('2.5.29.15')
const ALTERNATIVE_NAME = identifier('2.5.29.17')
const BASIC_CONSTRAINTS = identifier('2.5.29.19')
const EXTENDED_KEY_USAGE = identifier('2.5.29.37')
const PURPOSES = { server: identifier('1.3.6.1.5.5.7.3.1'), client: identifier('1.3.6.1.5.5.7.3.2') }

export function createAuthority (commonName: string): Authority {
  const { publicKey, privateKey } = newKeys()
  const write = (subject: CertificateRequest, key: KeyObject, extensions: Buffer[]): string =>
    certificate({ ...subject, issuer: commonName, signingKey: privateKey, publicKey: key, extensions })
  return {
    cert: write({ commonName }, publicKey, [
      sequence(BASIC_CONSTRAINTS, yes(), octets(sequence(yes()))),
      // keyCertSign and cRLSign: bits 5 and 6.
      sequence(KEY_USAGE, yes(), octets(bits(Buffer.from([0b0000_0110]), 1)))
    ]),
    issue: (request) => {
      const { usage = 'server', dnsNames = [], addresses = [] } = request
      const keys = newKeys()
      const names = [
        ...dnsNames.map((name) => implicit(2, Buffer.from(name))),
        ...addresses.map((address) => implicit(7, Buffer.from(address.split('.').map(Number))))
      ]
      const cert = write(request, keys.publicKey, [
        // digitalSignature: bit 0.
        sequence(KEY_USAGE, yes(), octets(bits(Buffer.from([0b1000_0000]), 7))),
        sequence(EXTENDED_KEY_USAGE, octets(sequence(PURPOSES[usage]))),
        ...(names.length === 0 ? [] : [sequence(ALTERNATIVE_NAME, octets(sequence(...names)))])
      ])
      return { cert, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
    }
  }
}

export interface Certificates {
  authority: Authority
  /** The certificate of the authority, PEM. */
  ca: string
  /** For localhost and 127.0.0.1. */
  server: Certificate
  client: Certificate
}

let cached: Certificates | undefined

/** The certificates that most tests of TLS need, made once a process. */
export function certificates (): Certificates {
  if (cached === undefined) {
    const authority = createAuthority('Test Authority')
    cached = {
      authority,
      ca: authority.cert,
      server: authority.issue({ commonName: 'localhost', dnsNames: ['localhost'], addresses: ['127.0.0.1'] }),
      client: authority.issue({ commonName: 'Test Client', usage: 'client' })
    }
  }
  return cached
}

function newKeys (): { publicKey: KeyObject, privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
}

interface Contents extends CertificateRequest {
  issuer: string
  signingKey: KeyObject
  publicKey: KeyObject
  extensions: Buffer[]
}

/** RFC 5280 section 4.1, version 3, signed with ECDSA. */
function certificate (contents: Contents): string {
  const { notBefore = new Date(Date.now() - HOUR), notAfter = new Date(Date.now() + 24 * HOUR) } = contents
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))),
    // Without a leading zero byte the encoding of the serial number is minimal.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    nameOf(contents.issuer),
    sequence(time(notBefore), time(notAfter)),
    nameOf(contents.commonName),
    contents.publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...contents.extensions))
  )
  const signed = sequence(toBeSigned, ECDSA_WITH_SHA256, bits(sign('sha256', toBeSigned, contents.signingKey)))
  const lines = signed.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function nameOf (commonName: string): Buffer {
  return sequence(setOf(sequence(COMMON_NAME, text(commonName))))
}
