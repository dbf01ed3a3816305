import type { TargetOptions } from '../options/option-types.js'
import type { ResolvedRouteOptions } from '../options/route-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { ProbeReport } from '../probe/report.js'

/** error: requests fail, or whom they reach is not assured, in ordinary operation. warning: it costs work, time or bounds. */
export type Severity = 'error' | 'warning'

/** A route, as far as it is judged. */
export interface CheckedRoute {
  readonly prefix: string
  readonly options: ResolvedRouteOptions
  /** Whether it makes tunnels of upgrades. */
  readonly upgradable: boolean
}

/** A backend that could not be measured, and why, in words that hold no address but its own. */
export interface Unreachable { readonly unreachable: string }

/** A target, or the settings that a route gives to whatever `getUpstream` chooses. */
export interface CheckedTarget {
  readonly name: string
  /** undefined where each request chooses. */
  readonly origin: URL | undefined
  readonly options: ResolvedTargetOptions
  /** Those that share it. */
  readonly routes: readonly CheckedRoute[]
  /** What a probe has found; absent where nobody asked for one. */
  readonly measured?: ProbeReport | Unreachable | undefined
}

/** What belongs to the server that clients connect to. Times in ms; undefined where its kind of server has no such limit. */
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
  /** What was told at register and cannot be seen in any target's settings. */
  readonly told: readonly { readonly route: string, readonly id: string, readonly found: string }[]
}

/** What stands around the app, as far as whoever asks has said so. Times in ms. */
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

/** What was found, as values that somebody has set; with a remedy where there is one better than the rule's own. */
export type Sighting = string | { readonly found: string, readonly remedy: string }

/** Where a sighting was made, for what is no single target's. */
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
  /** Whether it is logged too where gateway or proxy is registered: for what somebody has set, and has hardly ever meant. */
  readonly atRegister?: boolean
}

/** Of a target's settings alone, effective or just as given: absent ones are at their defaults, which no rule is about. */
export interface SettingsRule extends RuleWords {
  readonly ofSettings: (options: TargetOptions) => string | undefined
  /** Whether it means anything for a target. Default: yes. */
  readonly applies?: (target: CheckedTarget) => boolean
}
export interface TargetRule extends RuleWords { readonly ofTarget: (target: CheckedTarget, around: Surroundings, app: CheckedApp) => Sighting | undefined }
/** Of what a probe has measured; never asked without. */
export interface MeasuredRule extends RuleWords { readonly ofMeasured: (report: ProbeReport, target: CheckedTarget) => Sighting | undefined }
export interface AppRule extends RuleWords { readonly ofApp: (app: CheckedApp, around: Surroundings) => readonly Placed[] }

export type Rule = SettingsRule | TargetRule | MeasuredRule | AppRule
