/** The share that an endpoint starts with. */
const FIRST_SHARE = 0.1

/**
 * The share, from a tenth to 1, of its usual part that an endpoint gets after `age` ms in service. It grows evenly over `slowStart` ms, as
 * in Envoy with an aggression of 1. At 0, each endpoint has its full share at once.
 */
export function slowShare (age: number, slowStart: number): number {
  return age >= slowStart ? 1 : Math.max(FIRST_SHARE, age / slowStart)
}
