import type { TargetOptions } from '../options/option-types.js'
import { ENDPOINT_SETTINGS_RULES } from './endpoint-rules.js'
import type { SettingsRule } from './rule.js'
import { RULES, warningCode } from './rules.js'
import type { RuleId } from './rules.js'
import { SETTINGS_RULES } from './settings-rules.js'

/** What a user set and will come to regret: logged once when it is registered, by the rule of `src/check/` that has its id. */
export interface SettingsWarning { readonly id: RuleId, readonly found: string }

/** Warnings about the settings that were given for a gateway or a route. Defaults cause none. */
export function warningsFor (given: TargetOptions): SettingsWarning[] {
  const warnings: SettingsWarning[] = []
  for (const known of [...SETTINGS_RULES, ...ENDPOINT_SETTINGS_RULES]) {
    const { atRegister, ofSettings }: SettingsRule = known
    const found = atRegister === true ? ofSettings(given) : undefined
    if (found !== undefined) warnings.push({ id: known.id, found })
  }
  return warnings
}

/** The log line of a warning: a stable code; what was found, what follows from it, and the remedy. */
export function logLine ({ id, found }: SettingsWarning): { readonly code: string, readonly message: string } {
  const { why, remedy } = RULES.find(rule => rule.id === id)!
  return { code: warningCode({ id }), message: `${found}. ${why} ${remedy}` }
}
