import { DEFAULT_GATEWAY } from '../options/gateway-options.js'
import type { RouteOptions, TargetOptions } from '../options/option-types.js'

/** The gateway-wide settings that routes are made under. */
export interface GatewaySettings {
  readonly defaults: TargetOptions & RouteOptions
  /** Passes through this gateway after which a request is refused with 508. */
  readonly maxHops: number
  /** Targets that getUpstream may make. */
  readonly maxDynamicTargets: number
}

/** What holds for an app that registers a proxy without the gateway plugin. */
export const DEFAULT_SETTINGS: GatewaySettings = { defaults: {}, ...DEFAULT_GATEWAY }
