import { RULES } from '../check/rules.js'
import type { Rule } from '../check/rule.js'
import type { RuleId } from '../check/rules.js'
import { wrongValue } from './environment-error.js'

/** Reads IGNORED_WARNINGS: ids of rules, separated by commas. Throws EnvironmentError for one that is no rule, or that is always logged. */
export function readIgnoredWarnings (list: string): ReadonlySet<RuleId> {
  if (list.trim() === '') return new Set()
  return new Set(list.split(',').map(id => ruleId(id.trim())))
}

function ruleId (text: string): RuleId {
  const rule = RULES.find(({ id }) => id === text)
  if (rule === undefined) throw wrongValue('IGNORED_WARNINGS', text, 'is no rule; holdfast check --rules lists them')
  if ((rule as Rule).atRegister === true) {
    throw wrongValue('IGNORED_WARNINGS', text, 'is logged wherever its option is set, and cannot be ignored; leave it out')
  }
  return rule.id
}
