/** The longest time, in ms, that a `Retry-After` takes an endpoint out of choice. */
const LONGEST = 10_000

/**
 * How long a 503 asks for no requests, in ms, from 0 to 10 000; undefined where it does not. RFC 9110 section 10.2.3: whole seconds, or a
 * date.
 *
 * @param wallClock the time as `Date.now()` gives it, for a date
 */
export function retryAfterMs (value: string | undefined, wallClock: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  // A text of digits alone is no date to `Date.parse` either, but it would take it for a year.
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - wallClock
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST)
}
