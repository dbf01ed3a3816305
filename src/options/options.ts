import { isIP } from 'node:net'
import type { TcpNetConnectOpts } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { distance } from 'fastest-levenshtein'
import type { buildConnector } from 'undici'
import { optionError } from '../errors.js'
import { checkConnect } from './check-connect.js'
import { sameValue } from './same-value.js'
import { TLS_IDENTITY } from './tls-identity.js'

/** Options of `tls.connect` and `net.connect` for every connection of a target, as undici's `connect` takes them. */
export type ConnectOptions = Omit<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'ALPNProtocols'> &
  Partial<Pick<TcpNetConnectOpts, 'family' | 'keepAlive' | 'keepAliveInitialDelay' | 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'>> &
  { /** Until the connection, handshake included, stands. 3 000; above 0. */ timeout?: number, maxCachedSessions?: number }
/** A function that makes the socket, with undici's `connect(options, callback)` shape. */
export type ConnectFunction = buildConnector.connector

/** undici's own names and meanings; times in ms. Source: undici, docs/api/Client.md and Pool.md. */
export interface UndiciOptions {
  /**
   * Connections to the target, at most; idle, active and connecting ones together. 128; `Infinity` lifts it. One more, which
   * carries no requests, may lie idle to see when the backend hangs up.
   */
  connections?: number
  /** How long an idle connection is kept where the backend gave no hint. 60 000. 0 switches keep-alive off. */
  keepAliveTimeout?: number
  /** The longest idle time that a backend's hint can ask for. Default: keepAliveTimeout. */
  keepAliveMaxTimeout?: number
  /** Taken off a hint, since the backend's clock started earlier than ours; never more than half of it. 1 000. */
  keepAliveTimeoutThreshold?: number
  /** From the request's last byte to the head of its response. 55 000; 0 = none. */
  headersTimeout?: number
  /** Between two pieces of a response body. 55 000; 0 = none. */
  bodyTimeout?: number
  /**
   * How to connect: TLS and socket options, with `timeout` (3 000, above 0), or a function. Certificates and keys are read at register and
   * at `update()`: what is cut, is no PEM, or does not belong together is refused. A route that sets any option of the TLS identity (`ca`,
   * `cert`, `key`, `secureContext`, `servername`, `checkServerIdentity`, `minVersion` ...) takes none of the gateway's. What is no
   * plain data (a SecureContext, a function) is compared by identity: targets share connections only where it is the same one.
   * Names are looked up at each dial, by `lookup` where it is given.
   */
  connect?: ConnectOptions | ConnectFunction
  /** 1: one request at a time on a connection. 0: no keep-alive. */
  pipelining?: 0 | 1
  /** The local address to connect from; an IP address. */
  localAddress?: string
  /** A unix socket to connect to in place of host and port. */
  socketPath?: string
  /** The largest response head, in bytes: its names, values and reason; all the rest of it may be as large again. 16 384. */
  maxHeaderSize?: number
  /** The largest response body, in bytes. Default: no limit. */
  maxResponseSize?: number
}

/** What undici has no name for. Times in ms. */
export interface PoolOptions {
  /** Requests after which a connection is closed. 0 = no limit. */
  maxRequestsPerConnection?: number
  /** Age at which a connection takes no new request, with 10 % of jitter either way. 600 000; 0 = none. */
  maxConnectionAge?: number
  /** Requests that may wait for a connection. 1 024; 0 = never queue; `Infinity` lifts it. */
  maxPending?: number
  /** How long a request may wait for a connection. 5 000. */
  pendingTimeout?: number
  /** Connections being dialled at once. 8. */
  maxDials?: number
  /** How long a refused dial is tried again. 1 000; 0 = not at all. */
  connectRetry?: number
  /** Upgraded connections (WebSocket and the like). 1 024; 0 = no upgrades; `Infinity` lifts it. */
  maxUpgraded?: number
}

/** How a backend that does not keep connections open is recognised. Times in ms. */
export interface InspectorOptions {
  /** Connections closed after their first response, in a row, before the pool is torn down. 3. */
  closesBeforeTeardown?: number
  /** How long a non-persistent backend is left before it is tried again, jittered; one that kept connections before, a second at most. 30 000. */
  trialInterval?: number
}

/** When a request that got no answer may be sent again. */
export interface RetryOptions {
  /** Send a request again that died on a reused connection, where that is safe. true. */
  stale?: boolean
  /** Bodies up to this many bytes are held, so that they can be sent again. 65 536. */
  replayLimit?: number
}

/** The settings of one target. */
export interface TargetOptions {
  undiciOptions?: UndiciOptions
  pool?: PoolOptions
  inspector?: InspectorOptions | false
  retry?: RetryOptions
}

/** What a route may set besides its target's settings. Times in ms, sizes in bytes. */
export interface RouteOptions {
  /** Held of a response, so that a backend is done before a slow client is. 262 144; 0 = nothing. */
  responseBuffer?: number
  /** The largest request body. 0 = no limit. */
  bodyLimit?: number
  /** The whole exchange, from the request's head to the last byte of the response. 0 = no limit. */
  totalTimeout?: number
  /** How long an upgraded connection may be silent. 300 000; 0 = no limit. */
  tunnelIdleTimeout?: number
  /** Relay 103 responses: up to 16 for a request, and none while the client has not taken what was written before. false. */
  earlyHints?: boolean
  /** For a request body: in total until the backend is asked, then between two pieces. 55 000; 0 = none. */
  clientBodyTimeout?: number
  /**
   * The least rate at which a request body that streams has to come, in bytes a second, averaged over 10 s. It counts while the next piece is
   * waited for and the backend has not begun to answer. 256; 0 = none.
   */
  clientMinRate?: number
  /** Say in each response, in a `Proxy-Status` header (RFC 9209), how its request travelled and why it failed. false. */
  proxyStatus?: boolean
  /**
   * Say in `Via` that a message has passed this gateway, to backends and to clients (RFC 9110 section 7.6.3). Some servers compress nothing for
   * a request that has one (nginx, unless `gzip_proxied` says otherwise). Loops are told without it, by `CDN-Loop`. true.
   */
  via?: boolean
}

export type ResolvedUndiciOptions = Readonly<Required<Omit<UndiciOptions, 'connect' | 'localAddress' | 'socketPath' | 'maxHeaderSize' | 'maxResponseSize'>> &
  Pick<UndiciOptions, 'localAddress' | 'socketPath' | 'maxHeaderSize' | 'maxResponseSize'> & { connect: ConnectOptions | ConnectFunction }>

/** A target's effective options: one immutable object, replaced whole when they change. */
export interface ResolvedTargetOptions {
  readonly undiciOptions: ResolvedUndiciOptions
  readonly pool: Readonly<Required<PoolOptions>>
  readonly inspector: Readonly<Required<InspectorOptions>> | false
  readonly retry: Readonly<Required<RetryOptions>>
}
export type ResolvedRouteOptions = Readonly<Required<RouteOptions>>

// 60 s is Apigee's keepalive.timeout.millis; most backends' own timeouts lie above it (nginx 75 s) or are announced (Apache, Node).
const KEEP_ALIVE_TIMEOUT = 60_000
// Below the 60 s after which load balancers and browsers' own proxies give up: ours is the answer that the client sees.
const ANSWER_TIMEOUT = 55_000

const DEFAULT_UNDICI = {
  connections: 128,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
  keepAliveTimeoutThreshold: 1_000,
  headersTimeout: ANSWER_TIMEOUT,
  bodyTimeout: ANSWER_TIMEOUT,
  pipelining: 1
} as const
// A SYN is sent again after 1 s and after 3 s: 3 s covers one lost packet, and more waiting seldom helps.
export const CONNECT_TIMEOUT = 3_000
// TLS is verified unless somebody says otherwise, and that is warned about.
const DEFAULT_CONNECT = { timeout: CONNECT_TIMEOUT, rejectUnauthorized: true } as const

const DEFAULT_POOL: Required<PoolOptions> = {
  maxRequestsPerConnection: 0,
  maxConnectionAge: 600_000, // so that a change of DNS or of the backend's balance is followed within ten minutes
  maxPending: 1_024,
  pendingTimeout: 5_000,
  maxDials: 8, // a backend that comes back is not met by a stampede
  connectRetry: 1_000, // a process that restarts listens again within that
  maxUpgraded: 1_024
}
const DEFAULT_INSPECTOR: Required<InspectorOptions> = { closesBeforeTeardown: 3, trialInterval: 30_000 }
const DEFAULT_RETRY: Required<RetryOptions> = { stale: true, replayLimit: 65_536 }
const DEFAULT_ROUTE: Required<RouteOptions> = {
  responseBuffer: 262_144,
  bodyLimit: 0,
  totalTimeout: 0,
  tunnelIdleTimeout: 300_000,
  earlyHints: false,
  clientBodyTimeout: ANSWER_TIMEOUT,
  clientMinRate: 256, // a byte now and then would hold a backend's connection for as long as its client likes
  via: true,
  proxyStatus: false // whom it helps is inside; outsiders need not know how busy a backend is
}

/** Option names of gateway and proxy that hold a target's settings. */
export const TARGET_GROUPS = ['undiciOptions', 'pool', 'inspector', 'retry'] as const
/** Option names of gateway and proxy that hold a route's settings. */
export const ROUTE_NAMES = Object.keys(DEFAULT_ROUTE) as (keyof RouteOptions)[]
const LONGEST_TIMER = 2_147_483_647

type Check = (value: unknown, option: string) => void
const fail = (option: string, value: unknown, remedy: string): never => { throw optionError(option, value, remedy) }
const milliseconds: Check = (value, option) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > LONGEST_TIMER) fail(option, value, 'is no time; give whole milliseconds from 0 to 2147483647')
}
const positiveMilliseconds: Check = (value, option) => {
  milliseconds(value, option)
  if (value === 0) fail(option, value, 'must be above 0')
}
const count: Check = (value, option) => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) fail(option, value, 'is no count; give a whole number from 0')
}
const positiveCount: Check = (value, option) => {
  count(value, option)
  if (value === 0) fail(option, value, 'must be above 0')
}
const unlimitable = (check: Check): Check => (value, option) => { if (value !== Infinity) check(value, option) }
const flag: Check = (value, option) => { if (typeof value !== 'boolean') fail(option, value, 'must be true or false') }
const text: Check = (value, option) => { if (typeof value !== 'string' || value === '') fail(option, value, 'must be a string that is not empty') }
const group: Check = (value, option) => { if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(option, value, 'must be an object') }

const UNDICI_CHECKS: Record<keyof UndiciOptions, Check> = {
  connections: unlimitable(positiveCount),
  keepAliveTimeout: milliseconds,
  keepAliveMaxTimeout: positiveMilliseconds,
  keepAliveTimeoutThreshold: milliseconds,
  headersTimeout: milliseconds,
  bodyTimeout: milliseconds,
  connect: (value, option) => {
    if (typeof value === 'function') return
    group(value, option)
    const { timeout } = value as ConnectOptions
    if (timeout !== undefined) positiveMilliseconds(timeout, `${option}.timeout`)
    checkConnect(value as ConnectOptions, option)
  },
  pipelining: (value, option) => { if (value !== 0 && value !== 1) fail(option, value, 'must be 1, or 0 for no keep-alive; requests are never pipelined') },
  localAddress: (value, option) => {
    text(value, option)
    if (isIP(value as string) === 0) fail(option, value, 'is no IP address')
  },
  socketPath: text,
  maxHeaderSize: positiveCount,
  maxResponseSize: positiveCount
}
const POOL_CHECKS: Record<keyof PoolOptions, Check> = {
  maxRequestsPerConnection: count,
  maxConnectionAge: milliseconds,
  maxPending: unlimitable(count),
  pendingTimeout: positiveMilliseconds,
  maxDials: positiveCount,
  connectRetry: milliseconds,
  maxUpgraded: unlimitable(count)
}
const INSPECTOR_CHECKS: Record<keyof InspectorOptions, Check> = { closesBeforeTeardown: positiveCount, trialInterval: positiveMilliseconds }
const RETRY_CHECKS: Record<keyof RetryOptions, Check> = { stale: flag, replayLimit: count }
const ROUTE_CHECKS: Record<keyof RouteOptions, Check> = {
  responseBuffer: count, bodyLimit: count, totalTimeout: milliseconds, tunnelIdleTimeout: milliseconds, earlyHints: flag, clientBodyTimeout: milliseconds,
  clientMinRate: count, proxyStatus: flag, via: flag
}

// What people bring from other places, and what it is called here.
const FOREIGN_NAMES: Record<string, string> = {
  keepAlive: 'undiciOptions.keepAliveTimeout',
  keepAliveMsecs: 'undiciOptions.keepAliveTimeout',
  keepaliveTimeoutMillis: 'undiciOptions.keepAliveTimeout',
  'keepalive.timeout.millis': 'undiciOptions.keepAliveTimeout',
  'connect.timeout.millis': 'undiciOptions.connect.timeout',
  'io.timeout.millis': 'undiciOptions.headersTimeout and bodyTimeout',
  idleTimeout: 'undiciOptions.keepAliveTimeout',
  maxSockets: 'undiciOptions.connections',
  maxConnections: 'undiciOptions.connections',
  connectTimeout: 'undiciOptions.connect.timeout',
  requestTimeout: 'undiciOptions.headersTimeout',
  socketTimeout: 'undiciOptions.headersTimeout and bodyTimeout',
  tls: 'undiciOptions.connect',
  maxRequestsPerClient: 'pool.maxRequestsPerConnection',
  clientTtl: 'pool.maxConnectionAge',
  autoSelectFamily: 'undiciOptions.connect.autoSelectFamily',
  autoSelectFamilyAttemptTimeout: 'undiciOptions.connect.autoSelectFamilyAttemptTimeout',
  maxCachedSessions: 'undiciOptions.connect.maxCachedSessions'
}
// Names of what may be a secret: its value is in no message.
const SECRET = /key$|pass|secret|token|credential|auth|pfx|cert/i
// Own keys of a parsed JSON text that would reach an object's machinery if copied by assignment.
const MACHINERY = new Set(['__proto__', 'constructor', 'prototype'])

/** Own, enumerable, given (not undefined) options, by name: what options say, and nothing that a prototype says. */
export function givenNames (options: object): string[] {
  return Object.keys(options).filter(name => !MACHINERY.has(name) && (options as Record<string, unknown>)[name] !== undefined)
}

/** Refuses a name that is none of `known`, naming the closest one, or what a foreign name is called here. */
export function refuseUnknown (options: object, known: Iterable<string>, where: string): void {
  const names = new Set(known)
  for (const name of givenNames(options)) {
    if (names.has(name)) continue
    const right = FOREIGN_NAMES[name] ?? closest(name, names)
    const value = (options as Record<string, unknown>)[name]
    throw optionError(`${where}${name}`, SECRET.test(name) ? '***' : value, `is unknown${right === undefined ? '' : `; did you mean ${right}?`}`)
  }
}

function closest (name: string, known: Set<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.ceil(name.length / 3)) + 1
  for (const candidate of known) {
    const far = distance(name.toLowerCase(), candidate.toLowerCase())
    if (far < least) { least = far; best = candidate }
  }
  return best
}

function checkGroup (options: object | undefined, checks: Record<string, Check>, where: string): void {
  if (options === undefined) return
  group(options, where)
  refuseUnknown(options, Object.keys(checks), `${where}.`)
  for (const name of givenNames(options)) checks[name]!((options as Record<string, unknown>)[name], `${where}.${name}`)
}

/** Throws HOLDFAST_ERR_OPTION for the first of a target's settings that cannot be. */
export function checkTargetOptions (options: TargetOptions): void {
  checkGroup(options.undiciOptions, UNDICI_CHECKS, 'undiciOptions')
  checkGroup(options.pool, POOL_CHECKS, 'pool')
  if (options.inspector !== undefined && options.inspector !== false) checkGroup(options.inspector, INSPECTOR_CHECKS, 'inspector')
  checkGroup(options.retry, RETRY_CHECKS, 'retry')
}

/** Throws HOLDFAST_ERR_OPTION for the first of a route's settings that cannot be. */
export function checkRouteOptions (options: RouteOptions): void {
  for (const name of ROUTE_NAMES) {
    if (options[name] !== undefined) ROUTE_CHECKS[name](options[name], name)
  }
}

function merge<T extends object> (...layers: (T | undefined)[]): T {
  const merged: Record<string, unknown> = {}
  for (const layer of layers) {
    if (layer === undefined) continue
    for (const name of givenNames(layer)) merged[name] = (layer as Record<string, unknown>)[name]
  }
  return merged as T
}

function mergeConnect (gateway: UndiciOptions['connect'], route: UndiciOptions['connect']): ConnectOptions | ConnectFunction {
  if (typeof route === 'function') return route
  if (typeof gateway === 'function') {
    if (route === undefined) return gateway
    return merge<ConnectOptions>(DEFAULT_CONNECT, route)
  }
  const ownIdentity = route !== undefined && TLS_IDENTITY.some(name => (route as Record<string, unknown>)[name] !== undefined)
  const inherited = merge<Record<string, unknown>>(gateway as Record<string, unknown> | undefined)
  if (ownIdentity) for (const name of TLS_IDENTITY) delete inherited[name]
  return merge<ConnectOptions>(DEFAULT_CONNECT, inherited as ConnectOptions, route)
}

/** The gateway's settings under the target's, one level deep, over the defaults; `undefined` means not given. Both are checked. */
export function resolveTargetOptions (gateway: TargetOptions, route: TargetOptions): ResolvedTargetOptions {
  checkTargetOptions(gateway)
  checkTargetOptions(route)
  const undici = merge<UndiciOptions>(DEFAULT_UNDICI, gateway.undiciOptions, route.undiciOptions)
  const keepAliveTimeout = undici.keepAliveTimeout as number
  return Object.freeze({
    undiciOptions: Object.freeze({
      ...undici,
      keepAliveMaxTimeout: undici.keepAliveMaxTimeout ?? keepAliveTimeout,
      connect: mergeConnect(gateway.undiciOptions?.connect, route.undiciOptions?.connect)
    }) as ResolvedUndiciOptions,
    pool: Object.freeze(merge<Required<PoolOptions>>(DEFAULT_POOL, gateway.pool as Required<PoolOptions>, route.pool as Required<PoolOptions>)),
    inspector: resolveInspector(gateway.inspector, route.inspector),
    retry: Object.freeze(merge<Required<RetryOptions>>(DEFAULT_RETRY, gateway.retry as Required<RetryOptions>, route.retry as Required<RetryOptions>))
  })
}

/** What of a target's settings can be changed while it runs. */
export type TargetPatch = Pick<TargetOptions, 'undiciOptions' | 'pool'>

/** Settings with a patch over them, one level deep. Throws HOLDFAST_ERR_OPTION where the patch has what cannot be. */
export function patchTargetOptions (options: ResolvedTargetOptions, patch: TargetPatch): ResolvedTargetOptions {
  group(patch, 'update')
  refuseUnknown(patch, ['undiciOptions', 'pool'], '')
  checkTargetOptions(patch)
  const { undiciOptions: before, pool } = options
  const undici = merge<UndiciOptions>(before, patch.undiciOptions)
  // Not given, it was what keepAliveTimeout is.
  if (before.keepAliveMaxTimeout === before.keepAliveTimeout) undici.keepAliveMaxTimeout = patch.undiciOptions?.keepAliveMaxTimeout ?? undici.keepAliveTimeout
  return Object.freeze({
    ...options,
    undiciOptions: Object.freeze({ ...undici, connect: mergeConnect(before.connect, patch.undiciOptions?.connect) }) as ResolvedUndiciOptions,
    pool: Object.freeze(merge<Required<PoolOptions>>(pool, patch.pool as Required<PoolOptions>))
  })
}

const OF_THE_SOCKET = ['connect', 'localAddress', 'socketPath', 'maxHeaderSize', 'maxResponseSize'] as const

/** Whether connections are made in the same way, and to the same place, under both. */
export function sameConnections (a: ResolvedTargetOptions, b: ResolvedTargetOptions): boolean {
  return OF_THE_SOCKET.every(name => sameValue(a.undiciOptions[name], b.undiciOptions[name]))
}

function resolveInspector (gateway: TargetOptions['inspector'], route: TargetOptions['inspector']): ResolvedTargetOptions['inspector'] {
  const last = route ?? gateway
  if (last === false) return false
  return Object.freeze(merge<Required<InspectorOptions>>(DEFAULT_INSPECTOR, (gateway || undefined) as Required<InspectorOptions>, (route || undefined) as Required<InspectorOptions>))
}

/** The gateway's route settings under the route's own, over the defaults. Both are checked. */
export function resolveRouteOptions (gateway: RouteOptions, route: RouteOptions): ResolvedRouteOptions {
  checkRouteOptions(gateway)
  checkRouteOptions(route)
  const resolved: Record<string, unknown> = {}
  for (const name of ROUTE_NAMES) resolved[name] = route[name] ?? gateway[name] ?? DEFAULT_ROUTE[name]
  return Object.freeze(resolved) as ResolvedRouteOptions
}

/** Whether two targets' settings are the same: by value, and what is no plain data by identity. */
export function sameTargetOptions (a: ResolvedTargetOptions, b: ResolvedTargetOptions): boolean {
  return sameValue(a, b)
}

/** Whether a target's settings, effective or just given, keep connections open at all. */
export function keepsAlive ({ undiciOptions }: TargetOptions): boolean {
  return undiciOptions?.keepAliveTimeout !== 0 && undiciOptions?.pipelining !== 0
}

/** Something that a user set and will come to regret: told once at register. `id` is a rule's in src/check/rules.ts. */
export interface OptionWarning { readonly id: string, readonly found: string }
