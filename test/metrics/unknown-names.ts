import { METRICS, PROCESS_METRICS } from '../../src/metrics/table.js'
import type { MetricRow } from '../../src/metrics/table.js'

// Labels that Prometheus adds.
const SCRAPED = ['job', 'instance', 'le']
// A series of Prometheus about each of its targets.
const UP: MetricRow = { name: 'up', type: 'gauge', unit: 'state', labels: [], meaning: '' }
const TABLE: readonly MetricRow[] = [...METRICS, ...PROCESS_METRICS, UP]
const KEYWORDS = ['sum', 'by', 'and', 'unless', 'absent', 'min_over_time', 'on', 'rate', 'or', 'vector', 'max', 'min', 'avg', 'group_left', 'count', 'histogram_quantile', 'label_values', 'time', 'target', 'instance']

/** Metrics and labels of a query of Prometheus that neither Holdfast nor Prometheus has. */
export function unknownIn (query: string): string[] {
  const wrong: string[] = []
  const used: MetricRow[] = []
  const bare = query.replace(/"[^"]*"/g, '""').replace(/\b(?:by|on) \([^)]*\)/g, '').replace(/\{[^}]*\}/g, '').replace(/\[[^\]]*\]/g, '')
  for (const [word] of bare.matchAll(/[a-z_]\w*/g)) {
    if (KEYWORDS.includes(word)) continue
    const row = TABLE.find(({ name, type }) => type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`].includes(word) : name === word)
    if (row === undefined) wrong.push(word)
    else used.push(row)
  }
  if (used.length === 0) wrong.push('no metric at all')
  const labels = [
    ...[...query.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) => label!),
    ...[...query.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(',').map(label => label.trim()))
  ]
  for (const label of labels) if (!SCRAPED.includes(label) && !used.some(row => row.labels.includes(label))) wrong.push(`label ${label}`)
  return wrong
}
