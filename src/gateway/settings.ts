import { DEFAULT_GATEWAY } from '../options/gateway-options.js'
import type { MaskedNames } from '../http/secret-names.js'
import type { RouteOptions, TargetOptions } from '../options/option-types.js'

/** The settings of a gateway that hold for all of its routes. */
export interface GatewaySettings {
  readonly defaults: TargetOptions & RouteOptions
  /** How often a request may pass this gateway; then 508. */
  readonly maxHops: number
  /** How many targets `getUpstream` may make. */
  readonly maxDynamicTargets: number
  /** What is masked in URLs; undefined: the default names. */
  readonly mask?: MaskedNames | undefined
}

/** The settings of an app that registers a proxy without the gateway plugin. */
export const DEFAULT_SETTINGS: GatewaySettings = { defaults: {}, ...DEFAULT_GATEWAY }
