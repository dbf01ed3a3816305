import t from 'tap'
import { METRICS } from '../../src/metrics/table.js'
import { TargetFigures } from '../../src/metrics/target-figures.js'
import { ERRORS } from '../../src/errors.js'
import { unknownIn } from '../metrics/unknown-names.js'
import { ALERT_CASES } from './alert-cases.js'
import { alertRules } from './alert-rules.js'
import { textOf, yamlOf } from './repository-files.js'

const rules = alertRules()
const CONFIGURATION = 'deploy/prometheus/prometheus.yaml'

t.test('the alert rules use existing metrics, labels and error codes', async t => {
  for (const { alert, expr } of rules) {
    t.same(unknownIn(expr), [], alert)
    for (const [code] of expr.matchAll(/HOLDFAST_ERR_\w+/g)) t.ok(code in ERRORS, `${alert}: ${code}`)
  }
  t.ok(METRICS.length > 0 && rules.length > 10)
})

t.test('each code that an alert asks for has a series of 0 before it is counted', async t => {
  const known = new TargetFigures().rejected.samples({}).map(({ labels }) => labels.code)
  const asked = rules.flatMap(({ expr }) => [...expr.matchAll(/HOLDFAST_ERR_\w+/g)].map(([code]) => code))
  t.ok(asked.length > 5)
  for (const code of asked) t.ok(known.includes(code), code)
})

t.test('each alert has a severity, a summary and a description, and labels in them that it has', async t => {
  for (const { alert, expr, labels, annotations: { summary, description } } of rules) {
    t.ok(['warning', 'critical'].includes(labels.severity), alert)
    t.match(summary, /\.$/, alert)
    t.match(description, /\.$/, alert)
    const given = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? ['job', 'instance']
    for (const [, label = ''] of `${summary} ${description}`.matchAll(/\$labels\.(\w+)/g)) t.ok(given.includes(label), `${alert}: ${label}`)
  }
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
})

t.test('deploy/README.md lists every alert', async t => {
  const listed = [...textOf('deploy/README.md').matchAll(/`(Holdfast\w+)`/g)].map(([, name]) => name)
  t.same(listed, rules.map(({ alert }) => alert))
})

t.test('each alert has a case in which it fires, one before it does, and one after', async t => {
  t.same(ALERT_CASES.map(({ alert }) => alert), rules.map(({ alert }) => alert))
  for (const { alert, at } of ALERT_CASES) {
    const counts = Object.values(at).map(firing => firing.length)
    t.ok(counts.at(0) === 0 && counts.at(-1) === 0 && counts.some(count => count > 0), alert)
  }
})

t.test('Prometheus scrapes the job that the rules ask for, with the token, and reads the rules', async t => {
  const { rule_files: files, scrape_configs: [scrape, ...more] } = yamlOf<{ rule_files: string[], scrape_configs: { job_name: string, metrics_path: string, authorization: object }[] }>(CONFIGURATION)
  t.same(files, ['holdfast.rules.yaml'])
  t.match(scrape, { job_name: 'holdfast', metrics_path: '/metrics', authorization: { type: 'Bearer', credentials_file: '/run/secrets/admin_token' } })
  t.same(more, [])
  for (const { expr } of rules) for (const [, job] of expr.matchAll(/job="(\w+)"/g)) t.equal(job, scrape!.job_name)
})
