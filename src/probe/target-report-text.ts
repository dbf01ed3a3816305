import { measuredAsText, optionLines } from './report-text.js'
import type { ProbeReport } from './report.js'
import type { MeasuredEndpoint } from './target-probe.js'
import type { TargetProbeReport } from './target-report.js'

/**
 * The report on the endpoints of a target for a terminal: each of them, what differs between them, and what to set for all. Ends with a
 * newline.
 *
 * @param all how many endpoints there are; an interrupted probe has measured fewer
 */
export function targetReportAsText (measured: readonly MeasuredEndpoint[], report: TargetProbeReport, all: number): string {
  const { endpoints, differences } = report
  const sections = endpoints.flatMap((one, i) => 'unreachable' in one
    ? [`${one.address}: ${one.unreachable}`]
    : measuredAsText((measured[i] as Extract<MeasuredEndpoint, { found: unknown }>).found, one.report))
  if (endpoints.length < all) sections.push(`Interrupted: ${all - endpoints.length} of ${all} endpoints were not measured.`)
  if (differences.length > 0) {
    sections.push(['What differs between the endpoints:', ...differences.map(difference => `  - ${difference}`)].join('\n'))
  }
  sections.push(advice(report, endpoints.length === all && measured.every(one => !('found' in one) || one.found.complete)))
  return `${sections.join('\n\n')}\n`
}

function advice ({ endpoints, recommended }: TargetProbeReport, complete: boolean): string {
  const reports = endpoints.flatMap(one => 'report' in one ? [one] : [])
  const needing = (needs: (report: ProbeReport) => boolean): typeof reports[number] | undefined => reports.find(({ report }) => needs(report))
  const { undiciOptions: { keepAliveTimeout }, pool: { maxRequestsPerConnection } } = recommended
  const idle = needing(({ recommended: { undiciOptions } }) => undiciOptions.keepAliveTimeout === keepAliveTimeout)
  const lines = optionLines(recommended, {
    idle: idle?.address ?? '',
    idleTimeoutMs: idle?.report.idleTimeoutMs ?? 0,
    requests: needing(({ recommended: { pool } }) => pool.maxRequestsPerConnection === maxRequestsPerConnection)?.address ?? '',
    via: needing(({ recommended: { via } }) => via === false)?.address ?? ''
  })
  if (lines === undefined) {
    return complete && reports.length > 0 ? 'Nothing to set for these endpoints.' : 'Nothing to recommend: too little is known.'
  }
  return ['Options of their route:', '', lines].join('\n')
}
