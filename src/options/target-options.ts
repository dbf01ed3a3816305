import type { AllGiven } from './all-given.js'
import { checkConnect } from './check-connect.js'
import type { ConnectFunction } from './connect-types.js'
import { checkGroup, checkRows, merged } from './groups.js'
import { OBJECT } from './kinds.js'
import type { ConnectOptions, InspectorOptions, PoolOptions, RetryOptions, TargetOptions, UndiciOptions } from './option-types.js'
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
}

/** What of a target's settings can be changed while it runs. */
export type TargetPatch = Pick<TargetOptions, 'undiciOptions' | 'pool'>

/** The groups of options that hold a target's settings, as gateway and proxy take them. */
export const TARGET_GROUPS = ['undiciOptions', 'pool', 'inspector', 'retry'] as const
const PATCHED_GROUPS = ['undiciOptions', 'pool'] as const

const DEFAULT_UNDICI = defaultsOf('undiciOptions') as UndiciOptions
const DEFAULT_CONNECT = defaultsOf('undiciOptions.connect') as ConnectOptions
const DEFAULT_POOL = defaultsOf('pool') as AllGiven<PoolOptions>
const DEFAULT_INSPECTOR = defaultsOf('inspector') as AllGiven<InspectorOptions>
const DEFAULT_RETRY = defaultsOf('retry') as AllGiven<RetryOptions>
/** Until a connection is made, where `connect` does not say, in ms. */
export const CONNECT_TIMEOUT = DEFAULT_CONNECT.timeout!

const OF_THE_SOCKET = rowsOf('undiciOptions').filter(row => row.reconnects === true).map(row => nameOf(row.path) as keyof UndiciOptions)

/** Throws HOLDFAST_ERR_OPTION for the first of a target's settings that cannot be. */
export function checkTargetOptions (options: TargetOptions): void {
  for (const group of TARGET_GROUPS) checkGroup(options[group], group)
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
  return Object.freeze({
    undiciOptions: Object.freeze({
      ...undici,
      keepAliveMaxTimeout: undici.keepAliveMaxTimeout ?? keepAliveTimeout,
      connect: mergedConnect(gateway.undiciOptions?.connect, route.undiciOptions?.connect)
    }) as ResolvedUndiciOptions,
    pool: Object.freeze(merged<PoolOptions>(DEFAULT_POOL, gateway.pool, route.pool) as AllGiven<PoolOptions>),
    inspector: resolveInspector(gateway.inspector, route.inspector),
    retry: Object.freeze(merged<RetryOptions>(DEFAULT_RETRY, gateway.retry, route.retry) as AllGiven<RetryOptions>)
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

function resolveInspector (gateway: TargetOptions['inspector'], route: TargetOptions['inspector']): ResolvedTargetOptions['inspector'] {
  const last = route ?? gateway
  if (last === false) return false
  return Object.freeze(merged<InspectorOptions>(DEFAULT_INSPECTOR, gateway || undefined, route || undefined) as AllGiven<InspectorOptions>)
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
