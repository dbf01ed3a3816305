import { join } from 'node:path'
import { stringify } from 'yaml'
import { REPOSITORY } from '../../testing/program.js'
import { ALERT_CASES } from './alert-cases.js'
import type { Firing } from './alert-cases.js'
import { RULES_FILE, alertRules } from './alert-rules.js'

/** The input of `promtool test rules` for all cases. */
export function promtoolTests (): string {
  const rules = new Map(alertRules().map(rule => [rule.alert, rule]))
  return stringify({
    rule_files: [join(REPOSITORY, RULES_FILE)],
    evaluation_interval: '1m',
    tests: ALERT_CASES.map(({ alert, series, at }) => ({
      interval: '1m',
      input_series: Object.entries(series).map(([series, values]) => ({ series, values })),
      alert_rule_test: Object.entries(at).map(([time, firing]) => ({
        eval_time: time,
        alertname: alert,
        exp_alerts: firing.map(fires => {
          const { labels, annotations } = rules.get(alert)!
          return {
            exp_labels: { ...labels, ...fires.labels },
            exp_annotations: { summary: filled(annotations.summary, fires), description: filled(annotations.description, fires) }
          }
        })
      }))
    }))
  })
}

/** A template of an annotation with its labels and value in it. */
function filled (template: string, { labels, value = '' }: Firing): string {
  return template.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_whole, label: string) => labels[label] ?? '').replace(/\{\{ \$value[^}]*\}\}/g, value)
}
