import { optionError } from '../errors.js'
import { checkAffinity, resolveAffinity } from './affinity-option.js'
import type { ResolvedAffinity } from './affinity-option.js'
import type { AllGiven } from './all-given.js'
import { checkConnect } from './check-connect.js'
import type { ConnectFunction } from './connect-types.js'
import { checkGroup, checkRows, merged } from './groups.js'
import { OBJECT } from './kinds.js'
import type {
  ConnectOptions, DiscoveryOptions, EjectionOptions, EndpointOptions, HealthCheckOptions, InspectorOptions, KubernetesOptions, PoolOptions,
  RetryOptions, TargetOptions, UndiciOptions
} from './option-types.js'
import { sameValue } from './same-value.js'
import { defaultsOf, nameOf, rowsOf } from './table.js'
import { TLS_IDENTITY } from './tls-identity.js'
import { refuseUnknown } from './unknown-names.js'

type Optional = 'localAddress' | 'socketPath' | 'maxHeaderSize' | 'maxResponseSize'
/** `undiciOptions` in effect: all of them with a value, but for those whose absence says something. */
export type ResolvedUndiciOptions = AllGiven<Omit<UndiciOptions, 'connect' | Optional>> & Readonly<Pick<UndiciOptions, Optional>> & {
  /** How a connection is made: options with defaults filled in, or a function that makes it. */
  readonly connect: ConnectOptions | ConnectFunction
}

/** A target's settings in effect: one immutable object, replaced whole when they change. Times in ms. */
export interface ResolvedTargetOptions {
  /** With `keepAliveMaxTimeout` and `connect` filled in. */
  readonly undiciOptions: ResolvedUndiciOptions
  /** What undici has no name for. */
  readonly pool: AllGiven<PoolOptions>
  /** How a backend that keeps no connections open is recognised; false: not at all. */
  readonly inspector: AllGiven<InspectorOptions> | false
  /** When a request may be sent again. */
  readonly retry: AllGiven<RetryOptions>
  /** How an endpoint is chosen. */
  readonly balance: AllGiven<EndpointOptions>['balance']
  /** What binds requests to an endpoint; its `secret` is not enumerable. */
  readonly affinity: ResolvedAffinity | undefined
  /** How long the share of a new endpoint grows; 0: not at all. */
  readonly slowStart: number
  /** When an endpoint that fails gets no requests for a while; false: never. */
  readonly ejection: AllGiven<EjectionOptions> | false
  /** Requests of the gateway's own that ask whether an endpoint serves; undefined: none. */
  readonly healthCheck: AllGiven<HealthCheckOptions> | undefined
  /** How endpoints are found. */
  readonly discovery: ResolvedDiscovery
}

/** `discovery` in effect. */
export interface ResolvedDiscovery {
  /** The longest time between an answer and the next question, in ms. */
  readonly refresh: number
  /** How long an endpoint is kept that answers lack, in ms. */
  readonly hold: number
  /** undefined: those of resolv.conf. */
  readonly servers: readonly string[] | undefined
  /** undefined: the pod's service account. */
  readonly kubernetes: KubernetesOptions | undefined
}

/** What of a target's settings can be changed while it runs. */
export type TargetPatch = Pick<TargetOptions, 'undiciOptions' | 'pool'>

const TARGET_GROUPS = ['undiciOptions', 'pool', 'inspector', 'retry', 'ejection', 'healthCheck', 'discovery'] as const
const UNGROUPED = rowsOf('', 'gateway and route').filter(({ ofTarget }) => ofTarget === true)
/** The names of a target's settings, as gateway and proxy take them. */
export const TARGET_NAMES = [...TARGET_GROUPS, ...UNGROUPED.map(({ path }) => path as keyof EndpointOptions)]
const PATCHED_GROUPS = ['undiciOptions', 'pool'] as const

const DEFAULT_UNDICI = defaultsOf('undiciOptions') as UndiciOptions
const DEFAULT_CONNECT = defaultsOf('undiciOptions.connect') as ConnectOptions
const DEFAULT_POOL = defaultsOf('pool') as AllGiven<PoolOptions>
const DEFAULT_INSPECTOR = defaultsOf('inspector') as AllGiven<InspectorOptions>
const DEFAULT_EJECTION = defaultsOf('ejection') as AllGiven<EjectionOptions>
const DEFAULT_HEALTH_CHECK = defaultsOf('healthCheck') as HealthCheckOptions
const DEFAULT_DISCOVERY = defaultsOf('discovery') as DiscoveryOptions
const DEFAULT_ENDPOINTS = Object.fromEntries(UNGROUPED.map(row => [row.path, row.default])) as EndpointOptions
const DEFAULT_RETRY = defaultsOf('retry') as AllGiven<RetryOptions>
/** Until a connection is made, where `connect` does not say, in ms. */
export const CONNECT_TIMEOUT = DEFAULT_CONNECT.timeout!

const OF_THE_SOCKET = rowsOf('undiciOptions').filter(row => row.reconnects === true).map(row => nameOf(row.path) as keyof UndiciOptions)

/** Throws HOLDFAST_ERR_OPTION for the first of a target's settings that cannot be. */
export function checkTargetOptions (options: TargetOptions): void {
  for (const group of TARGET_GROUPS) checkGroup(options[group], group)
  checkGroup(options.discovery?.kubernetes, 'discovery.kubernetes')
  checkRows(options, UNGROUPED)
  if (options.affinity !== undefined) checkAffinity(options.affinity, 'affinity')
  const connect = options.undiciOptions?.connect
  if (connect === undefined || typeof connect === 'function') return
  // Names that are not in the table are Node's.
  checkRows(connect, rowsOf('undiciOptions.connect'))
  checkConnect(connect, 'undiciOptions.connect')
}

/** The gateway's settings under the target's, one level deep, over the defaults; `undefined` means not given. Both are checked. */
export function resolveTargetOptions (gateway: TargetOptions, route: TargetOptions): ResolvedTargetOptions {
  checkTargetOptions(gateway)
  checkTargetOptions(route)
  const undici = merged<UndiciOptions>(DEFAULT_UNDICI, gateway.undiciOptions, route.undiciOptions)
  const keepAliveTimeout = undici.keepAliveTimeout as number
  const { balance, slowStart, affinity } = merged<EndpointOptions>(DEFAULT_ENDPOINTS, endpointsOf(gateway), endpointsOf(route))
  return checkedTogether(Object.freeze({
    undiciOptions: Object.freeze({
      ...undici,
      keepAliveMaxTimeout: undici.keepAliveMaxTimeout ?? keepAliveTimeout,
      connect: mergedConnect(gateway.undiciOptions?.connect, route.undiciOptions?.connect)
    }) as ResolvedUndiciOptions,
    pool: Object.freeze(merged<PoolOptions>(DEFAULT_POOL, gateway.pool, route.pool) as AllGiven<PoolOptions>),
    inspector: unlessFalse(DEFAULT_INSPECTOR, gateway.inspector, route.inspector) as ResolvedTargetOptions['inspector'],
    retry: Object.freeze(merged<RetryOptions>(DEFAULT_RETRY, gateway.retry, route.retry) as AllGiven<RetryOptions>),
    balance: balance!,
    affinity: resolveAffinity(affinity),
    slowStart: slowStart!,
    ejection: resolveEjection(gateway.ejection, route.ejection),
    healthCheck: resolveHealthCheck(gateway.healthCheck, route.healthCheck),
    discovery: resolveDiscovery(gateway.discovery, route.discovery)
  }))
}

/** Throws HOLDFAST_ERR_OPTION for settings of which each is possible, but not beside the others. */
function checkedTogether (options: ResolvedTargetOptions): ResolvedTargetOptions {
  const { balance, affinity, ejection } = options
  if (balance === 'hash' && (affinity === undefined || 'cookie' in affinity)) {
    const found = affinity === undefined ? 'has no affinity' : 'has a cookie as affinity, which binds to an endpoint and is no key of a hash'
    throw optionError('balance', balance, `${found}; give affinity: { header: 'x-user' } or { ip: true }, or leave balance out`)
  }
  if (ejection !== false && ejection.maxTime < ejection.time) {
    throw optionError('ejection.maxTime', ejection.maxTime, `is below ejection.time (${ejection.time}); give at least that`)
  }
  return options
}

function endpointsOf (given: TargetOptions): EndpointOptions {
  return Object.fromEntries(UNGROUPED.map(({ path }) => [path, given[path as keyof EndpointOptions]]))
}

/** The group that is in effect; false where the last layer that gives it switches it off. */
function unlessFalse<T extends object> (defaults: T, gateway: T | false | undefined, route: T | false | undefined): T | false {
  return (route ?? gateway) === false ? false : Object.freeze(merged<T>(defaults, gateway || undefined, route || undefined))
}

function resolveEjection (gateway: TargetOptions['ejection'], route: TargetOptions['ejection']): ResolvedTargetOptions['ejection'] {
  const settings = unlessFalse<EjectionOptions>(DEFAULT_EJECTION, gateway, route)
  if (settings === false) return false
  return Object.freeze({ ...settings as AllGiven<EjectionOptions>, statuses: Object.freeze([...settings.statuses!]) })
}

function resolveHealthCheck (
  gateway: TargetOptions['healthCheck'], route: TargetOptions['healthCheck']
): ResolvedTargetOptions['healthCheck'] {
  if ((route ?? gateway) === undefined) return undefined
  const settings = unlessFalse<HealthCheckOptions>(DEFAULT_HEALTH_CHECK, gateway, route)
  if (settings === false) return undefined
  if (settings.path === undefined) throw optionError('healthCheck.path', undefined, 'is missing; give what is asked for, like /health')
  return settings as AllGiven<HealthCheckOptions>
}

function resolveDiscovery (gateway: TargetOptions['discovery'], route: TargetOptions['discovery']): ResolvedDiscovery {
  const { servers, kubernetes, ...times } = merged<DiscoveryOptions>(DEFAULT_DISCOVERY, gateway, route)
  return Object.freeze({
    ...times as AllGiven<Pick<DiscoveryOptions, 'refresh' | 'hold'>>,
    servers: servers === undefined ? undefined : Object.freeze([...servers]),
    kubernetes: kubernetes === undefined ? undefined : Object.freeze(merged<KubernetesOptions>(kubernetes))
  })
}

function mergedConnect (gateway: UndiciOptions['connect'], route: UndiciOptions['connect']): ConnectOptions | ConnectFunction {
  if (typeof route === 'function') return route
  if (typeof gateway === 'function') {
    if (route === undefined) return gateway
    return merged<ConnectOptions>(DEFAULT_CONNECT, route)
  }
  const ownIdentity = route !== undefined && TLS_IDENTITY.some(name => (route as Record<string, unknown>)[name] !== undefined)
  const inherited = merged<Record<string, unknown>>(gateway as Record<string, unknown> | undefined)
  if (ownIdentity) for (const name of TLS_IDENTITY) delete inherited[name]
  return merged<ConnectOptions>(DEFAULT_CONNECT, inherited, route)
}

/** Settings with a patch over them, one level deep. Throws HOLDFAST_ERR_OPTION where the patch has what cannot be. */
export function patchTargetOptions (options: ResolvedTargetOptions, patch: TargetPatch): ResolvedTargetOptions {
  OBJECT.check!(patch, 'update')
  refuseUnknown(patch, PATCHED_GROUPS, '')
  checkTargetOptions(patch)
  const { undiciOptions: before, pool } = options
  const undici = merged<UndiciOptions>(before, patch.undiciOptions)
  // Where it was not given, it follows keepAliveTimeout.
  if (before.keepAliveMaxTimeout === before.keepAliveTimeout) {
    undici.keepAliveMaxTimeout = patch.undiciOptions?.keepAliveMaxTimeout ?? undici.keepAliveTimeout
  }
  return Object.freeze({
    ...options,
    undiciOptions: Object.freeze({ ...undici, connect: mergedConnect(before.connect, patch.undiciOptions?.connect) }) as ResolvedUndiciOptions,
    pool: Object.freeze(merged<PoolOptions>(pool, patch.pool) as AllGiven<PoolOptions>)
  })
}

/** Whether connections are made in the same way, and to the same place, under both. */
export function sameConnections (a: ResolvedTargetOptions, b: ResolvedTargetOptions): boolean {
  return OF_THE_SOCKET.every(name => sameValue(a.undiciOptions[name], b.undiciOptions[name]))
}

/** Whether two targets' settings are the same: by value, and what is no plain data by identity. */
export function sameTargetOptions (a: ResolvedTargetOptions, b: ResolvedTargetOptions): boolean {
  return sameValue(a, b)
}

/** Whether a target's settings, effective or just given, keep connections open at all. */
export function keepsAlive ({ undiciOptions }: TargetOptions): boolean {
  return undiciOptions?.keepAliveTimeout !== 0 && undiciOptions?.pipelining !== 0
}
