import { isIP } from 'node:net'
import { envSchema } from 'env-schema'
import { isLoopback } from '../admin/admin-options.js'
import { isSendable } from '../options/kinds.js'
import { LONGEST_TIMER } from '../options/timer.js'
import type { AdminOptions } from '../options/option-types.js'

/** One entry of UPSTREAMS: requests under `prefix` go to `upstream`. */
export interface UpstreamEntry { readonly prefix: string, readonly upstream: string }

/** What the microservice is told from outside. Times in ms; `undefined` leaves a setting at the gateway's own default. */
export interface Environment {
  readonly host: string
  readonly port: number
  readonly upstreams: readonly UpstreamEntry[]
  readonly keepAliveTimeout: number | undefined
  readonly connections: number | undefined
  readonly headersTimeout: number | undefined
  readonly bodyTimeout: number | undefined
  /** Whose X-Forwarded-* headers are believed: everybody's, nobody's, or these addresses' and ranges'. */
  readonly trustProxy: boolean | string[]
  readonly drainDeadline: number | undefined
  /** Whether responses say in `Proxy-Status` how their requests travelled. */
  readonly proxyStatus: boolean
  /** Whether `Via` says that messages have passed here. */
  readonly via: boolean
  /** Where the admin surface listens; none unless ADMIN_PORT is set. */
  readonly admin: AdminOptions | undefined
  readonly logLevel: string
  /** Whether the samples, where they run, are asked by a gentle load. */
  readonly sampleLoad: boolean
  readonly production: boolean
}

/** A variable that cannot be: the message is one line that names it, for a person to read without a stack. */
export class EnvironmentError extends Error {
  override name = 'EnvironmentError'
}

// Without a .env the samples run, and nobody on the network has asked for those. A deployment sets HOST; one that forgets to
// is noticed with its first request, an open port that nobody meant is not.
const HOST = '127.0.0.1'
const PORT = 8080
const LOG_LEVEL = 'info'
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

// `nullable` reads an empty string as not given, which is how compose files and .env files say so.
const number = (minimum: number, maximum: number, description: string): object => ({ type: 'integer', nullable: true, minimum, maximum, description })
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
type Numbers = 'PORT' | 'ADMIN_PORT' | 'KEEP_ALIVE_TIMEOUT_MS' | 'CONNECTIONS' | 'HEADERS_TIMEOUT_MS' | 'BODY_TIMEOUT_MS' | 'DRAIN_DEADLINE_MS'
type Values = { [name in Name]?: (name extends Numbers ? number : string) | null }

/**
 * Reads the microservice's settings: from a .env file where there is one, and from `variables`, which win. Throws
 * EnvironmentError for the first one that cannot be.
 *
 * @param path of the .env file; from the working directory on
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

interface SchemaError { readonly instancePath: string, readonly data?: unknown }

function load (variables: NodeJS.ProcessEnv, path: string): Values {
  try {
    return envSchema<Values>({
      schema: { type: 'object', properties },
      env: false,
      data: variables,
      dotenv: { path },
      // An object is documented, and missing from the types; `verbose` tells the value that failed.
      ajv: { customOptions: { verbose: true } } as never
    })
  } catch (error) {
    const [first] = (error as { errors?: SchemaError[] }).errors ?? []
    const name = first?.instancePath.slice(1)
    if (name === undefined || !(name in properties)) throw new EnvironmentError(`${path} cannot be read: ${(error as Error).message}`)
    throw wrong(name as Name, first!.data, `is not ${(properties[name as Name] as { description: string }).description}`)
  }
}

function wrong (name: Name, value: unknown, why: string): EnvironmentError {
  return new EnvironmentError(`${name}: ${JSON.stringify(value)} ${why}`)
}

function readUpstreams (list: string): readonly UpstreamEntry[] {
  if (list.trim() === '') return []
  const entries = list.split(',').map(readUpstream)
  const prefixes = new Set<string>()
  for (const { prefix } of entries) {
    if (prefixes.has(prefix)) throw wrong('UPSTREAMS', prefix, 'is there twice; a prefix has one upstream')
    prefixes.add(prefix)
  }
  return Object.freeze(entries)
}

function readUpstream (given: string): UpstreamEntry {
  const entry = given.trim()
  const at = entry.indexOf('=')
  if (at === -1) throw wrong('UPSTREAMS', entry, 'is no entry; give a prefix and its upstream, like /users=http://users:3000')
  const prefix = entry.slice(0, at).trim()
  // What the router would take for a parameter or a wildcard, or a client could not send, is no prefix.
  if (!/^\/(?:[\w.~-]+(?:\/|$))*$/.test(prefix) || /\/\.\.?(?:\/|$)/.test(prefix)) {
    throw wrong('UPSTREAMS', entry, 'has a prefix that is no plain path; give one like /users')
  }
  const upstream = entry.slice(at + 1).trim()
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw wrong('UPSTREAMS', entry, 'has an upstream that is no http: or https: URL; give one like http://users:3000')
  }
  if (url.username !== '' || url.password !== '') {
    throw wrong('UPSTREAMS', prefix, 'has an upstream with a user or password in its URL, which would not be sent; leave them out')
  }
  if (url.search !== '' || url.hash !== '') throw wrong('UPSTREAMS', entry, 'has an upstream with a query or fragment; give only origin and path')
  return Object.freeze({ prefix: prefix.length > 1 ? prefix.replace(/\/$/, '') : prefix, upstream })
}

function readAdmin ({ ADMIN_PORT: port, ADMIN_HOST: host, ADMIN_TOKEN: token }: Values): AdminOptions | undefined {
  if (typeof port !== 'number') return undefined
  // The value is a secret and is not told.
  if (token && !isSendable(token)) throw new EnvironmentError('ADMIN_TOKEN: is not printable ASCII without spaces')
  if (host && !token && !isLoopback(host)) throw wrong('ADMIN_HOST', host, 'is not this machine alone; set ADMIN_TOKEN too')
  return { port, host: host || undefined, token: token || undefined }
}

// As proxy-addr, which Fastify asks, names them.
const NAMED_RANGES = new Set(['loopback', 'linklocal', 'uniquelocal'])

function readTrustProxy (given: string): boolean | string[] {
  const value = given.trim()
  if (value === '' || value === 'false') return false
  if (value === 'true') return true
  const peers = value.split(',').map(peer => peer.trim())
  for (const peer of peers) {
    // How many hops there were says nothing of who the last one was: Fastify believes nobody for a number.
    if (/^\d+$/.test(peer)) throw wrong('TRUST_PROXY', peer, 'is a hop count, which would not be heeded; give the addresses of the proxies in front')
    if (!isRange(peer) && !NAMED_RANGES.has(peer)) throw wrong('TRUST_PROXY', peer, 'is not true, false, an address, or a range like 10.0.0.0/8')
  }
  return peers
}

function isRange (peer: string): boolean {
  const [, address, bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(peer) ?? []
  const version = isIP(address ?? '')
  if (version === 0) return false
  return bits === undefined || (Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128))
}
