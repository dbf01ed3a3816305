import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../testing/program.js'

const HEAD = `# Made by: npm run made, of deploy/prometheus/holdfast.rules.yaml
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: holdfast
  labels:
    app.kubernetes.io/name: holdfast
spec:
`

/** The alert rules as a resource of the Prometheus Operator. */
export function rulesAsPrometheusRule (): string {
  const rules = readFileSync(join(REPOSITORY, 'deploy/prometheus/holdfast.rules.yaml'), 'utf8')
  return HEAD + rules.slice(rules.indexOf('groups:')).replace(/^(?=.)/gm, '  ')
}
