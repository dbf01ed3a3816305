/** The option `healthCheck`, as far as this policy uses it; times in ms. */
export interface CheckSettings {
  /** From the beginning of one check to that of the next. Default 10 000. */
  readonly interval: number
  /** How long a check may take. Default 1 000. */
  readonly timeout: number
  /** So many checks in a row bring an endpoint back. Default 2. */
  readonly rise: number
  /** So many failed checks in a row take it out. Default 3. */
  readonly fall: number
}

/** What health checks say of an endpoint. `unknown`: none has passed, and too few have failed. Times in ms. */
export interface Checks {
  readonly verdict: 'unknown' | 'up' | 'down'
  /** Checks of the same result in a row. */
  readonly row: number
  /** The last result; undefined before the first. */
  readonly passed: boolean | undefined
  /** Why the last check failed, for a person; '' where it passed. */
  readonly cause: string
  /** When the next check is due; Infinity while one is under way. */
  readonly dueAt: number
  /** When the check that is under way fails; Infinity while none is. */
  readonly deadline: number
  /** When the last check was begun. */
  readonly began: number
}

export type CheckEvent =
  | { readonly type: 'check_begun' }
  | { readonly type: 'check_passed' }
  /** It was answered with another status, was not answered in time, or could not be sent. */
  | { readonly type: 'check_failed', readonly cause: string }

const JITTER = 0.1
// The first checks of many endpoints are spread over so much time, in ms. Until its first check, an endpoint gets no new requests.
const FIRST_WITHIN = 500

/** The checks of a new endpoint: the first is due soon. @param random from 0 to 1 */
export function newChecks (now: number, { interval }: CheckSettings, random: number): Checks {
  const dueAt = now + random * Math.min(FIRST_WITHIN, interval)
  return { verdict: 'unknown', row: 0, passed: undefined, cause: '', dueAt, deadline: Infinity, began: -Infinity }
}

/**
 * The state after an event. The first check that passes brings a new endpoint up, as in Envoy; later it takes `rise` in a row.
 * One check is under way at a time.
 *
 * @param random from 0 to 1, spreads checks by 10 % either way, so that replicas do not check at the same moments
 */
export function nextChecks (checks: Checks, event: CheckEvent, now: number, settings: CheckSettings, random: number): Checks {
  if (event.type === 'check_begun') return { ...checks, began: now, dueAt: Infinity, deadline: now + settings.timeout }
  // A result while no check is under way: a second one, for example.
  if (checks.deadline === Infinity) return checks
  const passed = event.type === 'check_passed'
  const row = passed === checks.passed ? checks.row + 1 : 1
  const dueAt = Math.max(now, checks.began + settings.interval * (1 - JITTER + 2 * JITTER * random))
  const next = { ...checks, row, passed, cause: event.type === 'check_failed' ? event.cause : '', dueAt, deadline: Infinity }
  if (passed) return row >= settings.rise || checks.verdict === 'unknown' ? { ...next, verdict: 'up' } : next
  return row >= settings.fall ? { ...next, verdict: 'down' } : next
}

/**
 * Whether a status passes. @param expected the option `healthCheck.status`: a class as `2xx`, or one status as `204`. Default 2xx.
 */
export function statusPasses (status: number, expected: string): boolean {
  return expected.endsWith('xx') ? Math.floor(status / 100) === Number(expected.slice(0, 1)) : status === Number(expected)
}
