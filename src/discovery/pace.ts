/** How a name is asked. */
export interface Pace {
  /** Questions in a row without an answer. */
  readonly failures: number
}

export type PaceEvent =
  /** @property ttl how long the answer holds, in ms; undefined where the source does not say */
  | { readonly type: 'answered', readonly ttl: number | undefined }
  | { readonly type: 'failed' }

export const FIRST_PACE: Pace = { failures: 0 }

/** The shortest time between two questions, in ms. A TTL of 0 would have no pause at all. A shorter `refresh` is obeyed. */
export const SHORTEST = 1_000
// Up to this part of a pause is random, so that gateways that were started together do not ask together.
const JITTER = 0.1

/**
 * How long to wait, in ms, before the next question: until the answer's TTL has passed, but at most `refresh`. A TTL is waited for in full,
 * since a caching name server would answer earlier with what is left of it. After failures: 1 s, 2 s, 4 s ..., at most `refresh`. Pure.
 *
 * @param random in [0, 1)
 */
export function nextPace (pace: Pace, event: PaceEvent, refresh: number, random: number): { readonly pace: Pace, readonly wait: number } {
  const shortest = Math.min(SHORTEST, refresh)
  if (event.type === 'failed') {
    const pause = Math.min(shortest * 2 ** pace.failures, refresh)
    // Bounded, so that the power stays a number.
    return { pace: { failures: Math.min(pace.failures + 1, 30) }, wait: pause * (1 - JITTER * random) }
  }
  const { ttl = Infinity } = event
  const wait = ttl < refresh ? Math.min(Math.max(ttl, shortest) * (1 + JITTER * random), refresh) : refresh * (1 - JITTER * random)
  return { pace: FIRST_PACE, wait }
}
