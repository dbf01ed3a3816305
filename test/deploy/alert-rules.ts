import { yamlOf } from './repository-files.js'

export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string, readonly description: string }
}

export const RULES_FILE = 'deploy/prometheus/holdfast.rules.yaml'

/** The alert rules in deploy/. */
export function alertRules (): AlertRule[] {
  const { groups } = yamlOf<{ groups: { rules: AlertRule[] }[] }>(RULES_FILE)
  return groups.flatMap(({ rules }) => rules)
}
