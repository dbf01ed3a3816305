import { newChecks, nextChecks } from './checks.js'
import type { CheckEvent, CheckSettings, Checks } from './checks.js'
import { NEVER_EJECTED, isAtEase, nextEjection } from './ejection.js'
import type { Ejection, EjectionEvent, EjectionSettings } from './ejection.js'
import type { EndpointEvent } from './endpoint-state.js'
import type { EndpointFailure } from './evidence.js'
import { ACCEPTING, nextRefusal } from './refusal.js'
import type { Refusal } from './refusal.js'

/**
 * What is known of an endpoint's health, from the requests and from health checks. There is one truth: `ejection.out`. Checks that fail put
 * the endpoint out, as failures of requests do, and within the same `maxEjected`.
 */
export interface Health {
  readonly ejection: Ejection
  readonly refusal: Refusal
  /** undefined without health checks. */
  readonly checks: Checks | undefined
}

export interface HealthSettings {
  readonly ejection: EjectionSettings
  readonly check: CheckSettings | undefined
}

export type HealthEvent =
  | EjectionEvent
  /** A dial to it was begun. */
  | { readonly type: 'dialled' }
  /** A dial has failed. `failure`: undefined where it says nothing about the endpoint (`dialEvidence`). The others: as in `failed`. */
  | { readonly type: 'dial_failed', readonly failure: EndpointFailure | undefined, readonly mayEject: boolean, readonly probe: boolean }
  /** `mayEject`: as in `failed`. */
  | CheckEvent & { readonly mayEject: boolean }

/**
 * With `ejection: false`, failures do not eject; health checks and operators do. Their ejections run by the same rules, but no row of
 * failures is long enough. An endpoint that refuses its dials is avoided all the same.
 */
export const WITHOUT_EJECTION = { failures: Infinity, time: 10_000, maxTime: 10_000, maxEjected: 0.5 }

export function newHealth (now: number, { check }: HealthSettings, random: number): Health {
  return { ejection: NEVER_EJECTED, refusal: ACCEPTING, checks: check === undefined ? undefined : newChecks(now, check, random) }
}

/**
 * The state after an event: the same object where the event changes nothing. How both kinds of evidence meet:
 *
 * - While the checks say `down`, the endpoint is out until `rise` of them have passed. No answer and no time ends that: an app may fail its
 *   checks on purpose, to get no more requests. If there was no room for the ejection, the next failed check tries again.
 * - `rise` checks that have passed since an ejection end it, unless an operator has ejected the endpoint. They are probing requests that
 *   no client pays for.
 *
 * @param random from 0 to 1
 */
export function nextHealth (health: Health, event: HealthEvent, now: number, settings: HealthSettings, random: number): Health {
  switch (event.type) {
    case 'dialled':
      return withRefusal(health, nextRefusal(health.refusal, event, now))
    case 'connected':
      return withRefusal(byEjection(health, event, now, settings, random), nextRefusal(health.refusal, event, now))
    case 'dial_failed': {
      const { failure, mayEject, probe } = event
      const refused = failure?.cause === 'refused'
      const next = withRefusal(health, nextRefusal(health.refusal, { type: refused ? 'refused' : 'ended' }, now))
      if (failure === undefined) return next
      return byEjection(next, { type: 'failed', failure, others: false, mayEject, probe }, now, settings, random)
    }
    case 'check_begun':
    case 'check_passed':
    case 'check_failed':
      return byCheck(health, event, now, settings, random)
    default:
      return byEjection(health, event, now, settings, random)
  }
}

/** What a change of health means for the endpoint's state; undefined for nothing. */
export function lifeEvent (before: Health, after: Health): EndpointEvent | undefined {
  const { out } = after.ejection
  if (out !== undefined && before.ejection.out === undefined) return { type: 'ejected', cause: out.reason }
  if (out === undefined && before.ejection.out !== undefined) return { type: 'returned', cause: `after ${before.ejection.out.reason}` }
  const up = after.checks?.verdict === 'up' && before.checks?.verdict !== 'up'
  return up && out === undefined ? { type: 'serves', cause: 'a health check passed' } : undefined
}

/** Whether an answer would change nothing, so that it need not be reported. */
export function isHealthy ({ ejection }: Health): boolean {
  return isAtEase(ejection)
}

function byEjection (health: Health, event: EjectionEvent, now: number, settings: HealthSettings, random: number): Health {
  const { ejection } = health
  const next = nextEjection(ejection, event, now, settings.ejection, random)
  if (next === ejection) return health
  const begun = next.out !== undefined && ejection.out === undefined
  // Checks that had passed before the ejection do not end it.
  const checks = begun && health.checks?.passed === true ? { ...health.checks, row: 0 } : health.checks
  return { ...health, ejection: next, checks }
}

function byCheck (
  health: Health, event: CheckEvent & { readonly mayEject: boolean }, now: number, settings: HealthSettings, random: number
): Health {
  if (health.checks === undefined || settings.check === undefined) return health
  const checks = nextChecks(health.checks, event, now, settings.check, random)
  const next = checks === health.checks ? health : { ...health, checks }
  const { out } = health.ejection
  if (out?.cause === 'operator') return next
  if (event.type === 'check_failed' && checks.verdict === 'down' && out?.cause !== 'check' && (out !== undefined || event.mayEject)) {
    const asked: EjectionEvent = { type: 'asked', by: 'check', ms: Infinity, reason: `health check: ${checks.cause}` }
    return byEjection(next, asked, now, settings, random)
  }
  if (event.type === 'check_passed' && out !== undefined && checks.row >= settings.check.rise) {
    return byEjection(next, { type: 'lifted' }, now, settings, random)
  }
  return next
}

function withRefusal (health: Health, refusal: Refusal): Health {
  return refusal === health.refusal ? health : { ...health, refusal }
}
