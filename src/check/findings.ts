import type { CheckedApp, CheckedTarget, Placed, Rule, Severity, Sighting, Surroundings } from './rule.js'
import { RULES } from './rules.js'
import type { RuleId } from './rules.js'

/** A broken rule, and where. */
export interface Finding {
  readonly id: RuleId
  readonly severity: Severity
  /** The target's name, its origin, a route, or the server. */
  readonly target: string
  readonly found: string
  readonly why: string
  readonly remedy: string
}

/** Judges an app by every rule, in the order of the table. */
export function findingsOf (app: CheckedApp, around: Surroundings): Finding[] {
  return RULES.flatMap(rule => placesOf(rule, app, around).map(({ target, sighting }) => finding(rule, target, sighting)))
}

function placesOf (rule: Rule, app: CheckedApp, around: Surroundings): readonly Placed[] {
  if ('ofApp' in rule) return rule.ofApp(app, around)
  return app.targets.flatMap(target => {
    const sighting = sightingOf(rule, target, app, around)
    return sighting === undefined ? [] : [{ target: target.name, sighting }]
  })
}

function sightingOf (rule: Exclude<Rule, { ofApp: unknown }>, target: CheckedTarget, app: CheckedApp, around: Surroundings): Sighting | undefined {
  if ('ofTarget' in rule) return rule.ofTarget(target, around, app)
  if ('ofSettings' in rule) return rule.applies?.(target) === false ? undefined : rule.ofSettings(target.options)
  const { measured } = target
  return measured === undefined || 'unreachable' in measured ? undefined : rule.ofMeasured(measured, target)
}

function finding ({ id, severity, why, remedy }: typeof RULES[number], target: string, sighting: Sighting): Finding {
  return typeof sighting === 'string'
    ? { id, severity, target, found: sighting, why, remedy }
    : { id, severity, target, found: sighting.found, why, remedy: sighting.remedy }
}
