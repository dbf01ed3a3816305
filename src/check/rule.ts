import type { EndpointsPlan } from '../discovery/endpoints-plan.js'
import type { TargetOptions } from '../options/option-types.js'
import type { ResolvedRouteOptions } from '../options/route-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { ProbeReport } from '../probe/report.js'
import type { TargetProbeReport } from '../probe/target-report.js'

/** error: in ordinary operation requests fail, or may reach the wrong server. warning: work, time or a bound is lost. */
export type Severity = 'error' | 'warning'

/** What the rules see of a route. */
export interface CheckedRoute {
  readonly prefix: string
  readonly options: ResolvedRouteOptions
  /** Whether upgrades become tunnels on it. */
  readonly upgradable: boolean
}

/** Why a backend could not be measured. The text holds no address but its own. */
export interface Unreachable { readonly unreachable: string }

/** A target, or the settings of a route whose target `getUpstream` chooses for each request. */
export interface CheckedTarget {
  readonly name: string
  /** Undefined where `getUpstream` chooses for each request. */
  readonly origin: URL | undefined
  /** How its endpoints are found; absent where the origin is its one endpoint. */
  readonly plan?: EndpointsPlan | undefined
  readonly options: ResolvedTargetOptions
  /** The routes that share it. */
  readonly routes: readonly CheckedRoute[]
  /** What a probe has found, of each endpoint where there are several; absent without a probe. */
  readonly measured?: ProbeReport | TargetProbeReport | Unreachable | undefined
  /** The addresses of the origin's name, as a probe has found them; absent without a probe, and where the origin is not what is dialled. */
  readonly addresses?: readonly string[] | undefined
  /** What answered the path of `healthCheck` otherwise than it should, and how; absent without a probe. */
  readonly unhealthy?: readonly { readonly address: string, readonly cause: string }[] | undefined
}

/** The server that clients connect to. Times in ms; undefined where this kind of server has no such limit. */
export interface CheckedServer {
  readonly keepAliveTimeout: number | undefined
  readonly headersTimeout: number | undefined
  readonly requestTimeout: number | undefined
  /** Fastify's connectionTimeout: how long a client's connection may be silent, answers that it waits for included. */
  readonly connectionTimeout: number | undefined
  /** As Fastify was given it; undefined where it cannot be read. */
  readonly trustProxy: unknown
}

/** An app with a gateway. */
export interface CheckedApp {
  readonly name: string
  readonly server: CheckedServer
  readonly targets: readonly CheckedTarget[]
  /** Warnings at register that cannot be seen in any target's settings. */
  readonly told: readonly { readonly route: string, readonly id: string, readonly found: string }[]
}

/** What stands around the app, as far as the user has said. Times in ms. */
export interface Surroundings {
  /** How long the load balancer in front keeps an idle connection to this app. */
  readonly frontIdle?: number | undefined
  /** How long it waits for an answer. */
  readonly frontTimeout?: number | undefined
  /** Processes that run this app side by side. */
  readonly replicas: number
  /** Connections that one backend can bear. */
  readonly backendMaxConnections?: number | undefined
}

/** What was found: the values that were set. With a remedy where there is a better one than the rule's own. */
export type Sighting = string | { readonly found: string, readonly remedy: string }

/** A sighting with its place, for what concerns no single target. */
export interface Placed { readonly target: string, readonly sighting: Sighting }

/** What every rule says of itself. */
export interface RuleWords {
  /** Stable; HOLDFAST_WARN_<ID> where it is logged at register. */
  readonly id: string
  readonly severity: Severity
  /** The options, or the facts, that it is about. */
  readonly looksAt: string
  /** When it is found. */
  readonly when: string
  /** What comes of it. */
  readonly why: string
  /** What to set instead. */
  readonly remedy: string
  /** Whether it is also logged where gateway or proxy is registered: for values that are hardly ever meant. */
  readonly atRegister?: boolean
}

/**
 * A rule about a target's settings alone, effective or as they were given. An absent setting is at its default, and no default breaks a
 * rule.
 */
export interface SettingsRule extends RuleWords {
  readonly ofSettings: (options: TargetOptions) => string | undefined
  /** Whether the rule applies to a target. Default: yes. */
  readonly applies?: (target: CheckedTarget) => boolean
}
export interface TargetRule extends RuleWords { readonly ofTarget: (target: CheckedTarget, around: Surroundings, app: CheckedApp) => Sighting | undefined }
/** A rule about what a probe has measured. It is not applied without a probe. */
export interface MeasuredRule extends RuleWords { readonly ofMeasured: (report: ProbeReport, target: CheckedTarget) => Sighting | undefined }
export interface AppRule extends RuleWords { readonly ofApp: (app: CheckedApp, around: Surroundings) => readonly Placed[] }

export type Rule = SettingsRule | TargetRule | MeasuredRule | AppRule
