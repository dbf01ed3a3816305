import { LEAST_SECRET } from '../options/affinity-option.js'
import type { AffinityOption } from '../options/affinity-option.js'
import { EnvironmentError, wrongValue } from './environment-error.js'
import { readSecretFile } from './secret-file.js'
import type { Values } from './variables.js'

// RFC 9110 section 5.6.2.
const FORM = /^(?:(ip)|(header|cookie):([!#$%&'*+\-.^_`|~0-9A-Za-z]+))$/
const MAKE_ONE = 'make one with: openssl rand -hex 32'

/**
 * What AFFINITY says, with the secrets of AFFINITY_SECRET or AFFINITY_SECRET_FILE for a cookie; undefined where it is not set. Throws
 * EnvironmentError; no message holds a secret.
 */
export function readAffinity (values: Values): AffinityOption | undefined {
  const { AFFINITY: value, BALANCE: balance } = values
  const [, ip, kind, name = ''] = FORM.exec(value ?? '') ?? []
  if (value && ip === undefined && kind === undefined) {
    throw wrongValue('AFFINITY', value, 'is no affinity; give cookie:NAME, header:NAME or ip, like header:x-user')
  }
  const isKey = ip !== undefined || kind === 'header'
  if (balance === 'hash' && !isKey) throw wrongValue('BALANCE', balance, 'needs a value to hash; set AFFINITY=header:NAME or AFFINITY=ip')
  const secret = readSecrets(values, kind === 'cookie')
  if (secret !== undefined) return { cookie: name, secret }
  if (ip !== undefined) return { ip: true }
  return kind === undefined ? undefined : { header: name }
}

function readSecrets (values: Values, forCookie: boolean): readonly string[] | undefined {
  const { AFFINITY_SECRET: given, AFFINITY_SECRET_FILE: path } = values
  if (given && path) throw new EnvironmentError('AFFINITY_SECRET_FILE: is set, and AFFINITY_SECRET too; set one of them')
  const variable = path ? 'AFFINITY_SECRET_FILE' : 'AFFINITY_SECRET'
  if (!forCookie) {
    if (!given && !path) return undefined
    throw new EnvironmentError(`${variable}: has no effect without AFFINITY=cookie:NAME; set that, or leave ${variable} out`)
  }
  const text = path ? readSecretFile(variable, path, 'secret') : given ?? ''
  const secrets = text.split(/[\s,]+/).filter(secret => secret !== '')
  if (secrets.length === 0) {
    const why = path ? 'names a file without a secret' : 'is not set, and AFFINITY=cookie:NAME needs a secret that seals the cookie'
    throw new EnvironmentError(`${variable}: ${why}; ${MAKE_ONE}`)
  }
  if (secrets.some(secret => Buffer.byteLength(secret) < LEAST_SECRET)) {
    throw new EnvironmentError(`${variable}: has a secret of fewer than ${LEAST_SECRET} bytes, so it can be guessed; ${MAKE_ONE}`)
  }
  return secrets
}
