import { wrongValue } from './environment-error.js'
import type { UpstreamEntry } from './upstream-entry.js'
import { isPlainPath } from './upstream-prefix.js'
import { HEALTH_PATHS } from './upstreams.js'

/** The path of the metrics on the clients' port; undefined where none is set. Throws EnvironmentError for a path that has another use. */
export function readMetricsPath (path: string, upstreams: readonly UpstreamEntry[]): string | undefined {
  if (path === '') return undefined
  if (!isPlainPath(path) || path.endsWith('/')) throw wrongValue('METRICS_PATH', path, 'is no plain path; give one like /metrics')
  if (HEALTH_PATHS.includes(path)) throw wrongValue('METRICS_PATH', path, 'is a path of the health routes; give another one, like /metrics')
  // Every path is under `/`.
  const hidden = upstreams.find(({ prefix }) => prefix !== '/' && (path === prefix || path.startsWith(`${prefix}/`)))
  if (hidden !== undefined) {
    const why = `is under the prefix ${hidden.prefix} of UPSTREAMS, and would hide a path of that backend; give another one, like /metrics`
    throw wrongValue('METRICS_PATH', path, why)
  }
  return path
}
