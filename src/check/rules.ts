import { CHAIN_APP_RULES, CHAIN_TARGET_RULES } from './chain-rules.js'
import { ENDPOINT_RULES, ENDPOINT_SETTINGS_RULES } from './endpoint-rules.js'
import { MEASURED_RULES, REACH_RULES } from './measured-rules.js'
import type { Rule, RuleWords } from './rule.js'
import { SETTINGS_RULES } from './settings-rules.js'
import { TARGET_RULES } from './target-rules.js'

/** Every rule, once, in groups with a title: what `holdfast check` finds, what is logged at register, and docs/check.md are made of these. */
export const RULE_GROUPS = [
  { title: 'Settings', rules: [...SETTINGS_RULES, ...TARGET_RULES] },
  { title: 'Targets of several endpoints', rules: [...ENDPOINT_SETTINGS_RULES, ...ENDPOINT_RULES] },
  { title: 'The chain: front, server, gateway, backend', rules: [...CHAIN_TARGET_RULES, ...CHAIN_APP_RULES] },
  { title: 'Settings against what a probe has measured', rules: [...REACH_RULES, ...MEASURED_RULES] }
]

/** The stable id of a rule. */
export type RuleId = (typeof RULE_GROUPS)[number]['rules'][number]['id']
type KnownRule = Rule & { readonly id: RuleId }

export const RULES: readonly KnownRule[] = RULE_GROUPS.flatMap<KnownRule>(({ rules }) => rules)

/** A rule's stable code in logs. */
export function warningCode ({ id }: Pick<RuleWords, 'id'>): string {
  return `HOLDFAST_WARN_${id.toUpperCase().replaceAll('-', '_')}`
}
