import type { TargetOptions } from '../options/option-types.js'
import type { OptionWarning } from '../options/warning.js'
import type { SettingsRule } from './rule.js'
import { RULES, warningCode } from './rules.js'
import { SETTINGS_RULES } from './settings-rules.js'

/** Warnings about the settings that were given for a gateway or a route. Defaults cause none. */
export function warningsFor (given: TargetOptions): OptionWarning[] {
  const warnings: OptionWarning[] = []
  const rules: readonly SettingsRule[] = SETTINGS_RULES
  for (const { id, atRegister, ofSettings } of rules) {
    const found = atRegister === true ? ofSettings(given) : undefined
    if (found !== undefined) warnings.push({ id, found })
  }
  return warnings
}

/** The log line of a warning: a stable code; what was found, what follows from it, and the remedy. */
export function logLine ({ id, found }: OptionWarning): { readonly code: string, readonly message: string } {
  const { why, remedy } = RULES.find(rule => rule.id === id)!
  return { code: warningCode({ id }), message: `${found}. ${why} ${remedy}` }
}
