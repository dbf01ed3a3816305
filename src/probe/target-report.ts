import { dialFailureCode } from '../connection/dial.js'
import type { HoldfastError } from '../errors.js'
import { differencesOf } from './differences.js'
import type { Recommendation } from './recommendation.js'
import { reportOf } from './report.js'
import type { ProbeReport } from './report.js'
import type { MeasuredEndpoint } from './target-probe.js'

/** What a probe found out about one endpoint, or why it could not be measured. */
export type EndpointReport =
  | { readonly address: string, readonly report: ProbeReport }
  | { readonly address: string, readonly unreachable: string }

/** What a probe found out about the endpoints of a target. */
export interface TargetProbeReport {
  /** The one origin of all of them, for which their requests are. */
  readonly origin: string
  readonly endpoints: readonly EndpointReport[]
  /** What one endpoint does otherwise than another: a sentence each. */
  readonly differences: readonly string[]
  /** What to set for all of them: of each setting the strictest that one endpoint needs. */
  readonly recommended: Recommendation
}

/** Makes the report of the endpoints that were measured. */
export function targetReportOf (origin: URL, measured: readonly MeasuredEndpoint[]): TargetProbeReport {
  const endpoints = measured.map((one): EndpointReport => 'found' in one
    ? { address: one.address, report: reportOf(one.found) }
    : { address: one.address, unreachable: reasonOf(one.failure) })
  const reports = endpoints.flatMap(one => 'report' in one ? [one.report] : [])
  // Of a probe that was interrupted, the last endpoint lacks what was still to be measured.
  const whole = endpoints.filter((one, i): one is Extract<EndpointReport, { report: ProbeReport }> => 'report' in one && isWhole(measured[i]!))
  return {
    origin: origin.origin,
    endpoints,
    differences: differencesOf(whole),
    recommended: strictestOf(reports.map(({ recommended }) => recommended))
  }
}

/** The settings that are right for several backends: the least idle limit, the fewest requests, and no `Via` if one needs that. */
export function strictestOf (recommendations: readonly Recommendation[]): Recommendation {
  const keepAliveTimeout = leastOf(recommendations.map(({ undiciOptions }) => undiciOptions.keepAliveTimeout))
  const maxRequestsPerConnection = leastOf(recommendations.map(({ pool }) => pool.maxRequestsPerConnection))
  return {
    undiciOptions: keepAliveTimeout === undefined ? {} : { keepAliveTimeout },
    pool: maxRequestsPerConnection === undefined ? {} : { maxRequestsPerConnection },
    ...recommendations.some(({ via }) => via === false) ? { via: false as const } : undefined
  }
}

/** Why a backend cannot be measured, in one line. */
export function reasonOf (failure: HoldfastError): string {
  const code = dialFailureCode(failure)
  return code === failure.code ? failure.message : `${failure.message} (${code})`
}

function isWhole (measured: MeasuredEndpoint): boolean {
  return 'found' in measured && measured.found.complete
}

function leastOf (values: readonly (number | undefined)[]): number | undefined {
  const given = values.filter(value => value !== undefined)
  return given.length === 0 ? undefined : Math.min(...given)
}
