import { readFileSync } from 'node:fs'
import t from 'tap'
import { QUERIES, metricsAsMarkdown } from '../../src/metrics/document.js'
import { METRICS, PROCESS_METRICS } from '../../src/metrics/table.js'
import type { MetricRow } from '../../src/metrics/table.js'
import { unknownIn } from './unknown-names.js'

interface Panel { readonly id: number, readonly type: string, readonly title: string, readonly datasource?: { uid: string }, readonly targets?: { expr: string, datasource: { uid: string } }[], readonly gridPos: { x: number, y: number, w: number, h: number } }
interface Variable { readonly name: string, readonly type: string, readonly query: string | { query: string } }
interface Dashboard { readonly id: null, readonly uid: string, readonly panels: Panel[], readonly templating: { list: Variable[] } }

const TABLE: readonly MetricRow[] = [...METRICS, ...PROCESS_METRICS]

const dashboard = JSON.parse(readFileSync(new URL('../../deploy/grafana-dashboard.json', import.meta.url), 'utf8')) as Dashboard
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

t.test('docs/metrics.md is what `npm run made` writes', async t => {
  t.equal(readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8'), metricsAsMarkdown())
})

t.test('names, types and units of the table fit together, and names are unique', async t => {
  t.equal(new Set(TABLE.map(({ name }) => name)).size, TABLE.length)
  for (const { name, type, unit, labels, meaning } of TABLE) {
    t.match(name, /^[a-z]+(?:_[a-z0-9]+)*$/)
    t.equal(name.endsWith('_total'), type === 'counter', name)
    if (unit === 'seconds' || unit === 'bytes') t.match(name, new RegExp(`_${unit}(?:_saved)?(?:_total)?$`), name)
    for (const label of labels) t.match(label, /^[a-z]+(?:_[a-z]+)*$/, name)
    t.match(meaning, /^[A-Z0-9].*\.$/)
  }
})

t.test('the queries of the document use existing metrics and labels', async t => {
  t.strictSame(unknownIn('sum by (reasn) (rate(holdfast_closes_total{target=""}[5m]))'), ['holdfast_closes_total', 'no metric at all', 'label target', 'label reasn'], 'a wrong one is found')
  t.strictSame(unknownIn('holdfast_queue_wait_seconds'), ['holdfast_queue_wait_seconds', 'no metric at all'], 'a histogram is asked by its parts')
  for (const { query } of QUERIES) t.strictSame(unknownIn(query), [], query)
})

t.test('the Grafana dashboard uses existing metrics and labels', async t => {
  for (const expression of expressions) t.strictSame(unknownIn(expression), [], expression)
  for (const { name, query } of dashboard.templating.list) {
    if (typeof query === 'string') continue
    const [, metric = '', label = ''] = /^label_values\((\w+)(?:\{.*\})?, (\w+)\)$/.exec(query.query) ?? []
    t.strictSame(unknownIn(metric), [], name)
    t.equal(label, name)
  }
  t.ok(expressions.length > 20, `${expressions.length} queries were looked at`)
})

t.test('the Grafana dashboard shows every metric of Holdfast', async t => {
  for (const { name } of METRICS) t.ok(expressions.some(expression => new RegExp(`\\b${name}(?:_bucket|_count)?\\b`).test(expression)), name)
})

t.test('the Grafana dashboard can be imported anywhere: its data source is a variable', async t => {
  t.equal(dashboard.id, null)
  t.strictSame(dashboard.templating.list.map(({ name, type }) => [name, type]), [['datasource', 'datasource'], ['instance', 'query'], ['target', 'query']])
  for (const panel of dashboard.panels.filter(({ type }) => type !== 'row')) {
    t.equal(panel.datasource?.uid, '${datasource}', panel.title) // eslint-disable-line no-template-curly-in-string
    t.ok(panel.targets!.length > 0 && panel.targets!.every(({ datasource }) => datasource.uid === panel.datasource?.uid), panel.title)
  }
  t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
})

t.test('panels do not overlap, and stay within the grid', async t => {
  const taken = new Map<string, string>()
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    t.ok(x >= 0 && x + w <= 24, title)
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        const place = `${column} ${line}`
        if (taken.has(place)) t.fail(`${title} lies on ${taken.get(place)}`)
        taken.set(place, title)
      }
    }
  }
})
