import { optionError } from '../errors.js'
import { isToken } from '../http/field-syntax.js'
import { refuseUnknown } from './unknown-names.js'

/** What makes two requests of one kind, so that they go to the same endpoint of a target. */
export type AffinityOption =
  | {
    /** The name of a cookie that the gateway sets. It binds a client to the endpoint that served it first. */
    readonly cookie: string
    /** It seals the cookie, so that gateways with the same one agree: at least 16 bytes. Of a list, the first seals and all open. */
    readonly secret: string | readonly string[]
  }
  | {
    /** A request header: requests with the same value go to the same endpoint, by `balance: 'hash'`. */
    readonly header: string
  }
  | {
    /** The client's address: requests of one client go to the same endpoint, by `balance: 'hash'`. */
    readonly ip: true
  }

/** An `affinity` in effect. */
export type ResolvedAffinity =
  | {
    /** The cookie's name. */
    readonly cookie: string
    /** The first seals, and all open. It is not enumerable, so that no log shows it. */
    readonly secret: readonly [string, ...string[]]
  }
  | {
    /** The header's name, in lower case. */
    readonly header: string
  }
  | {
    /** The client's address. */
    readonly ip: true
  }

type Given = Readonly<Record<string, unknown>>

const NAMES = ['cookie', 'header', 'ip']
const EXAMPLES = 'give { cookie, secret }, { header } or { ip: true }'
/** The shortest secret, in bytes: 16 random ones cannot be guessed. */
export const LEAST_SECRET = 16
const MAKE_SECRET = 'make one with: openssl rand -hex 32'

/** Throws HOLDFAST_ERR_OPTION for what is no `affinity`. No message holds a secret. */
export function checkAffinity (value: unknown, option: string): void {
  if (value === false) return
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw optionError(option, value, `is no affinity; ${EXAMPLES}`)
  const given = value as Given
  refuseUnknown(given, [...NAMES, 'secret'], `${option}.`)
  const kinds = NAMES.filter(name => given[name] !== undefined)
  if (kinds.length !== 1) throw optionError(option, value, `has ${kinds.join(' and ') || 'no kind'}; ${EXAMPLES}`)
  const { cookie, header, ip, secret } = given
  if (cookie !== undefined) {
    checkName(cookie, `${option}.cookie`, 'cookie', 'endpoint')
    checkSecrets(secret, `${option}.secret`)
    return
  }
  if (secret !== undefined) throw optionError(`${option}.secret`, '***', 'has no effect without a cookie; leave it out, or give cookie')
  if (header !== undefined) checkName(header, `${option}.header`, 'header', 'x-user')
  else if (ip !== true) throw optionError(`${option}.ip`, ip, 'must be true; leave affinity out, or give false, for none')
}

function checkName (name: unknown, option: string, what: string, example: string): void {
  if (typeof name === 'string' && isToken(name)) return
  throw optionError(option, name, `is no name of a ${what}; give a token like ${example} (RFC 9110 section 5.6.2)`)
}

function checkSecrets (given: unknown, option: string): void {
  if (given === undefined) {
    throw optionError(option, undefined, `is missing: it seals the cookie, so that no client can choose an endpoint; ${MAKE_SECRET}`)
  }
  const isList = Array.isArray(given)
  const secrets: readonly unknown[] = isList ? given : [given]
  if (secrets.length === 0) throw optionError(option, given, `has no secret; ${MAKE_SECRET}`)
  for (const [i, secret] of secrets.entries()) {
    const name = isList ? `${option}[${i}]` : option
    if (typeof secret !== 'string') throw optionError(name, '***', `is no string; ${MAKE_SECRET}`)
    if (Buffer.byteLength(secret) < LEAST_SECRET) {
      throw optionError(name, '***', `has fewer than ${LEAST_SECRET} bytes, so it can be guessed; ${MAKE_SECRET}`)
    }
  }
}

/**
 * A checked `affinity` in effect. Its secrets are not enumerable: a snapshot of the options, as JSON or in a log, has none of them.
 */
export function resolveAffinity (given: AffinityOption | false | undefined): ResolvedAffinity | undefined {
  if (given === undefined || given === false) return undefined
  if ('cookie' in given && given.cookie !== undefined) {
    const secret = Object.freeze([given.secret].flat())
    return Object.freeze(Object.defineProperty({ cookie: given.cookie }, 'secret', { value: secret })) as ResolvedAffinity
  }
  if ('header' in given && given.header !== undefined) return Object.freeze({ header: given.header.toLowerCase() })
  return Object.freeze({ ip: true as const })
}
