import type { TargetOptions } from '../options/option-types.js'
import type { OptionWarning } from '../options/warning.js'
import type { SettingsRule } from './rule.js'
import { RULES, warningCode } from './rules.js'
import { SETTINGS_RULES } from './settings-rules.js'

/** Looks at what was set for a gateway or a route, never at a default. */
export function warningsFor (given: TargetOptions): OptionWarning[] {
  const warnings: OptionWarning[] = []
  const rules: readonly SettingsRule[] = SETTINGS_RULES
  for (const { id, atRegister, ofSettings } of rules) {
    const found = atRegister === true ? ofSettings(given) : undefined
    if (found !== undefined) warnings.push({ id, found })
  }
  return warnings
}

/** What is logged of a warning: a stable code, and what was found, what comes of it, and what to do instead. */
export function logLine ({ id, found }: OptionWarning): { readonly code: string, readonly message: string } {
  const { why, remedy } = RULES.find(rule => rule.id === id)!
  return { code: warningCode({ id }), message: `${found}. ${why} ${remedy}` }
}
