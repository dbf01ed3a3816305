import { isIP, isIPv4, isIPv6 } from 'node:net'
import { optionError } from '../errors.js'
import { holding } from './kinds.js'
import type { Kind } from './kinds.js'

const LEAST_STATUS = 100
const MOST_STATUS = 599

/** HTTP statuses. */
export const STATUSES: Kind = {
  type: 'readonly number[]',
  schema: { type: 'array', items: { type: 'integer', minimum: LEAST_STATUS, maximum: MOST_STATUS } },
  check: (value, option) => {
    if (!Array.isArray(value)) throw optionError(option, value, 'must be an array of statuses, like [502, 503]')
    for (const [i, status] of (value as unknown[]).entries()) {
      if (Number.isInteger(status) && (status as number) >= LEAST_STATUS && (status as number) <= MOST_STATUS) continue
      throw optionError(`${option}[${i}]`, status, `is no status; give a whole number from ${LEAST_STATUS} to ${MOST_STATUS}`)
    }
  }
}

/** A part of a whole: 0 to 1. */
export const SHARE: Kind = holding(
  value => typeof value === 'number' && value >= 0 && value <= 1, 'is no share; give a number from 0 to 1, like 0.5', 'number',
  { type: 'number', minimum: 0, maximum: 1 }
)

const CHECK_PATH_PATTERN = /^\/[!"$-~]*$/

/** A path that a gateway asks its backends for. It may have a query. */
export const CHECK_PATH: Kind = holding(
  value => typeof value === 'string' && CHECK_PATH_PATTERN.test(value),
  'is no path; give one that begins with a slash, like /health, with other characters than printable ASCII percent-encoded', 'string',
  { type: 'string', pattern: CHECK_PATH_PATTERN.source }
)

const CHECK_STATUS_PATTERN = /^[2-5](?:xx|\d\d)$/

/** A class of statuses, or one of them. */
export const CHECK_STATUS: Kind = holding(
  value => typeof value === 'string' && CHECK_STATUS_PATTERN.test(value),
  'is neither a class of statuses nor one of them; give one like "2xx" or "204"', 'string',
  { type: 'string', pattern: CHECK_STATUS_PATTERN.source }
)

const WITH_PORT = /^(?:\[(.+)\]|([\d.]+))(?::(\d{1,5}))?$/
const HIGHEST_PORT = 65_535
// What JSON Schema can say of them.
const SERVER_PATTERN = '^(?:\\[[\\da-fA-F:.]+\\](?::\\d+)?|[\\d.]+(?::\\d+)?|[\\da-fA-F:.]+)$'
const ORIGIN_PATTERN = '^https?://[^/?#@]+/?$'
const TOKEN_PATTERN = '^[!#$%&\'*+\\-.^_`|~0-9A-Za-z]+$'

function isNameServer (value: unknown): boolean {
  if (typeof value !== 'string') return false
  if (isIP(value) !== 0) return true
  const [, v6, v4 = '', port = '53'] = WITH_PORT.exec(value) ?? []
  return (v6 === undefined ? isIPv4(v4) : isIPv6(v6)) && Number(port) > 0 && Number(port) <= HIGHEST_PORT
}

/** Addresses of name servers. */
export const NAME_SERVERS: Kind = {
  type: 'readonly string[]',
  schema: { type: 'array', items: { type: 'string', pattern: SERVER_PATTERN }, minItems: 1 },
  check: (value, option) => {
    if (!Array.isArray(value) || value.length === 0) {
      throw optionError(option, value, 'must be an array of addresses, like [\'10.0.0.2\']; leave it out for those of resolv.conf')
    }
    for (const [i, server] of (value as unknown[]).entries()) {
      if (isNameServer(server)) continue
      throw optionError(`${option}[${i}]`, server, 'is no IP address, with or without a port; give one like 10.0.0.2:53')
    }
  }
}

/** An http: or https: URL without anything behind its port. */
export const ORIGIN: Kind = {
  type: 'string',
  schema: { type: 'string', pattern: ORIGIN_PATTERN },
  check: (value, option) => {
    const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
    const isOpen = url?.username === '' && url.password === ''
    if (isOpen && url.pathname + url.search + url.hash === '/' && /^https?:$/.test(url.protocol)) return
    // Without what may be a password.
    const remedy = 'is no http: or https: URL without credentials and path; give one like https://10.96.0.1:443'
    throw optionError(option, url === undefined || isOpen ? value : url.origin, remedy)
  }
}

/** What binds requests to an endpoint, or false. `checkAffinity` checks it. */
export const AFFINITY: Kind = {
  type: 'AffinityOption | false',
  schema: {
    anyOf: [
      { const: false },
      {
        type: 'object',
        properties: {
          cookie: { type: 'string', pattern: TOKEN_PATTERN },
          secret: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] }
        },
        required: ['cookie', 'secret'],
        additionalProperties: false
      },
      {
        type: 'object',
        properties: { header: { type: 'string', pattern: TOKEN_PATTERN } },
        required: ['header'],
        additionalProperties: false
      },
      { type: 'object', properties: { ip: { const: true } }, required: ['ip'], additionalProperties: false }
    ]
  }
}
