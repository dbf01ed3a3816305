import { envSchema } from 'env-schema'
import { isLoopback } from '../admin/admin-options.js'
import { isSendable } from '../options/kinds.js'
import type { AdminOptions } from '../options/option-types.js'
import { LONGEST_TIMER } from '../options/timer.js'
import { VERBOSE, faultOf } from '../quirks/env-schema.js'
import { EnvironmentError, wrongValue } from './environment-error.js'
import { readTrustProxy } from './trust-proxy.js'
import { readUpstreams } from './upstreams.js'
import type { UpstreamEntry } from './upstreams.js'

/** The settings of the microservice. Times in ms. `undefined` leaves a setting at the default of the gateway plugin. */
export interface Environment {
  readonly host: string
  readonly port: number
  readonly upstreams: readonly UpstreamEntry[]
  readonly keepAliveTimeout: number | undefined
  readonly connections: number | undefined
  readonly headersTimeout: number | undefined
  readonly bodyTimeout: number | undefined
  /** Whose X-Forwarded-* headers are believed: true: all clients'; false: no client's; or those of these addresses and ranges. */
  readonly trustProxy: boolean | string[]
  readonly drainDeadline: number | undefined
  /** Whether responses have a `Proxy-Status` header. */
  readonly proxyStatus: boolean
  /** Whether forwarded messages have a `Via` header. */
  readonly via: boolean
  /** Where the admin surface listens; undefined, for no admin surface, unless ADMIN_PORT is set. */
  readonly admin: AdminOptions | undefined
  readonly logLevel: string
  /** Whether the microservice sends a low load to the samples, where they run. */
  readonly sampleLoad: boolean
  readonly production: boolean
}

// Without a .env the samples run, which the network is not meant to reach. A deployment that forgets HOST fails at its first request, and
// is noticed; a port that is open by mistake is not.
const HOST = '127.0.0.1'
const PORT = 8080
const LOG_LEVEL = 'info'
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

// `nullable` reads an empty string as not given: compose files and .env files write it so.
const number = (minimum: number, maximum: number, description: string): object => {
  return { type: 'integer', nullable: true, minimum, maximum, description }
}
const time = number(0, LONGEST_TIMER, `a time in whole milliseconds, 0 to ${LONGEST_TIMER}`)
const text = { type: 'string', description: 'text' }
const host = { ...text, pattern: '^[^\\s/,]*$', description: 'an address or a host name to listen on' }
const flag = { ...text, enum: ['true', 'false', ''], description: 'true or false' }
const port = number(0, 65_535, 'a port, 0 to 65535')

const properties = {
  HOST: host,
  PORT: port,
  UPSTREAMS: text,
  KEEP_ALIVE_TIMEOUT_MS: time,
  CONNECTIONS: number(1, Number.MAX_SAFE_INTEGER, 'a whole number above 0'),
  HEADERS_TIMEOUT_MS: time,
  BODY_TIMEOUT_MS: time,
  TRUST_PROXY: text,
  DRAIN_DEADLINE_MS: time,
  ADMIN_PORT: port,
  ADMIN_HOST: host,
  ADMIN_TOKEN: text,
  PROXY_STATUS: flag,
  VIA: flag,
  LOG_LEVEL: { ...text, enum: [...LOG_LEVELS, ''], description: `one of ${LOG_LEVELS.join(', ')}` },
  SAMPLE_LOAD: { ...text, enum: ['0', '1', ''], description: '0 or 1' },
  NODE_ENV: text
}

type Name = keyof typeof properties
type Numbers = 'PORT' | 'ADMIN_PORT' | 'CONNECTIONS' |
  'KEEP_ALIVE_TIMEOUT_MS' | 'HEADERS_TIMEOUT_MS' | 'BODY_TIMEOUT_MS' | 'DRAIN_DEADLINE_MS'
type Values = { [name in Name]?: (name extends Numbers ? number : string) | null }

/**
 * Reads the microservice's settings from a .env file, where there is one, and from `variables`, which win. Throws EnvironmentError for the
 * first variable whose value is not possible.
 *
 * @param path of the .env file, relative to the working directory
 */
export function readEnvironment (variables: NodeJS.ProcessEnv = process.env, path = '.env'): Environment {
  const values = load(variables, path)
  return Object.freeze({
    host: values.HOST || HOST,
    port: values.PORT ?? PORT,
    upstreams: readUpstreams(values.UPSTREAMS ?? ''),
    keepAliveTimeout: values.KEEP_ALIVE_TIMEOUT_MS ?? undefined,
    connections: values.CONNECTIONS ?? undefined,
    headersTimeout: values.HEADERS_TIMEOUT_MS ?? undefined,
    bodyTimeout: values.BODY_TIMEOUT_MS ?? undefined,
    trustProxy: readTrustProxy(values.TRUST_PROXY ?? ''),
    drainDeadline: values.DRAIN_DEADLINE_MS ?? undefined,
    proxyStatus: values.PROXY_STATUS === 'true',
    via: values.VIA !== 'false',
    admin: readAdmin(values),
    logLevel: values.LOG_LEVEL || LOG_LEVEL,
    sampleLoad: values.SAMPLE_LOAD !== '0',
    production: values.NODE_ENV === 'production'
  })
}

function load (variables: NodeJS.ProcessEnv, path: string): Values {
  try {
    return envSchema<Values>({
      schema: { type: 'object', properties },
      env: false,
      data: variables,
      dotenv: { path },
      ajv: VERBOSE
    })
  } catch (error) {
    const { name, value } = faultOf(error) ?? {}
    if (name === undefined || !(name in properties)) throw new EnvironmentError(`${path} cannot be read: ${(error as Error).message}`)
    throw wrongValue(name as Name, value, `is not ${(properties[name as Name] as { description: string }).description}`)
  }
}

function readAdmin ({ ADMIN_PORT: port, ADMIN_HOST: host, ADMIN_TOKEN: token }: Values): AdminOptions | undefined {
  if (typeof port !== 'number') return undefined
  // The message does not show the value: it is a secret.
  if (token && !isSendable(token)) throw new EnvironmentError('ADMIN_TOKEN: is not printable ASCII without spaces')
  if (host && !token && !isLoopback(host)) throw wrongValue('ADMIN_HOST', host, 'is not this machine alone; set ADMIN_TOKEN too')
  return { port, host: host || undefined, token: token || undefined }
}
