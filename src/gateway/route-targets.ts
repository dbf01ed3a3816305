import type { Dispatcher } from 'undici'
import { HoldfastError } from '../errors.js'
import type { ForwardRoute } from '../forward/forward-route.js'
import type { TargetOptions, UndiciOptions } from '../options/option-types.js'
import { resolveTargetOptions } from '../options/target-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { parseUpstream } from '../options/upstream.js'
import { OriginDispatcher } from '../target/origin-dispatcher.js'
import { internalsOf } from '../target/target.js'
import type { Target } from '../target/target.js'
import { EndpointChoice } from './endpoint-choice.js'
import type { SingleOptions } from './proxy-options.js'
import type { RouteUpstream } from './route-upstream.js'
import { isOurs, isUpgradable, toHttp } from './route-upgrades.js'
import type { GatewayState } from './state.js'

/** Where the requests of a route go. */
export interface RouteTargets {
  /** Undefined where `getUpstream` chooses for each request. */
  readonly target: Target | undefined
  /** The target of upgrades where `wsUpstream` names one. */
  readonly wsTarget: Target | undefined
  /** The options of every target that the route uses. */
  readonly targetOptions: ResolvedTargetOptions
  readonly targetOf: ForwardRoute['targetOf']
  /** Set where `getUpstream` may choose one of the target's endpoints. */
  readonly choice: EndpointChoice | undefined
  /** For handlers that call `reply.from()` themselves. */
  readonly dispatcher: Dispatcher
}

/** Declares the targets of a route. */
export function declareTargets (
  state: GatewayState, prefix: string, options: SingleOptions, given: TargetOptions, read: RouteUpstream | undefined
): RouteTargets {
  const { defaults } = state.settings
  const { upstream, wsUpstream, target: name, replyOptions } = options
  const upgradable = isUpgradable(options)
  const targetOptions = resolveTargetOptions(defaults, withSocketPath(given, read?.socketPath))
  const target = read === undefined
    ? undefined
    : state.targets.declare({ origin: read.origin, options: targetOptions, plan: read.plan, prefix, name })
  const wsAddress = wsUpstream && isOurs(options) ? parseUpstream(toHttp(wsUpstream), 'wsUpstream') : undefined
  let wsTarget: Target | undefined
  if (wsAddress !== undefined) {
    const wsOptions = resolveTargetOptions(defaults, withSocketPath(given, wsAddress.socketPath))
    wsTarget = state.targets.declare({ origin: wsAddress.origin, options: wsOptions, prefix })
  }
  const choice = replyOptions?.getUpstream === undefined || target === undefined ? undefined : choiceOf(target, read?.endpoints)
  return {
    target,
    wsTarget,
    targetOptions,
    choice,
    targetOf: (request, from) => {
      const chosen = from.getUpstream?.(request, upstream ?? '')
      if (chosen === undefined || chosen === upstream || choice?.of(request) !== undefined) return target ?? noUpstream()
      return chosenTarget(state, upgradable ? toHttp(chosen) : chosen, targetOptions, prefix)
    },
    // reply-from asks for the origin of its base, whatever getUpstream returns.
    dispatcher: new OriginDispatcher(origin => {
      if (origin === target?.origin) return target
      return replyOptions?.getUpstream === undefined ? state.targets.dispatcher : chosenTarget(state, origin, targetOptions, prefix)
    })
  }
}

function choiceOf (target: Target, given: ReadonlySet<string> | undefined): EndpointChoice | undefined {
  if (given === undefined) return undefined
  const { endpoints, origin } = internalsOf(target)
  // One that was given and is gone is no backend of its own.
  return new EndpointChoice(origin.protocol, address => given.has(address) || endpoints.byAddress(address) !== undefined)
}

function chosenTarget (state: GatewayState, upstream: string, options: ResolvedTargetOptions, prefix: string): Target {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined
  // A unix socket is an option of a target: a request cannot choose it.
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new HoldfastError('HOLDFAST_ERR_UNKNOWN_TARGET')
  return state.targets.dynamic(url, options, prefix)
}

function noUpstream (): never {
  throw new HoldfastError('HOLDFAST_ERR_UNKNOWN_TARGET')
}

function withSocketPath (given: TargetOptions, socketPath: string | undefined): TargetOptions {
  if (socketPath === undefined) return given
  const undiciOptions: UndiciOptions = { ...given.undiciOptions, socketPath }
  return { ...given, undiciOptions }
}
