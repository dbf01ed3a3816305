import type { TargetProbeReport } from '../probe/target-report.js'
import { some } from './endpoints.js'
import type { CheckedApp, CheckedTarget, MeasuredRule, Placed, Rule, Severity, Sighting, Surroundings } from './rule.js'
import { RULES } from './rules.js'
import type { RuleId } from './rules.js'

// So many different sightings of one rule at the endpoints of a target are shown.
const MOST_SHOWN = 3

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
  if (measured === undefined || 'unreachable' in measured) return undefined
  return 'endpoints' in measured ? sightingOfEach(rule, measured, target) : rule.ofMeasured(measured, target)
}

/** What was found at the endpoints of a target, in one sighting. The settings that it names are right for all of them. */
function sightingOfEach (rule: MeasuredRule, { endpoints, recommended }: TargetProbeReport, target: CheckedTarget): Sighting | undefined {
  const places = new Map<string, string[]>()
  let remedy: string | undefined
  for (const endpoint of endpoints) {
    if ('unreachable' in endpoint) continue
    const sighting = rule.ofMeasured({ ...endpoint.report, recommended }, target)
    if (sighting === undefined) continue
    const found = typeof sighting === 'string' ? sighting : sighting.found
    if (typeof sighting !== 'string') remedy ??= sighting.remedy
    places.set(found, [...places.get(found) ?? [], endpoint.address])
  }
  if (places.size === 0) return undefined
  const found = [...places].map(([found, addresses]) => `${found} (${some(addresses)})`)
  if (found.length > MOST_SHOWN) found.splice(MOST_SHOWN, Infinity, `and ${found.length - MOST_SHOWN} more`)
  const shown = found.join('; ')
  return remedy === undefined ? shown : { found: shown, remedy }
}

function finding ({ id, severity, why, remedy }: typeof RULES[number], target: string, sighting: Sighting): Finding {
  return typeof sighting === 'string'
    ? { id, severity, target, found: sighting, why, remedy }
    : { id, severity, target, found: sighting.found, why, remedy: sighting.remedy }
}
