import { createBoundedHash } from './bounded-hash.js'
import { createLeastRequests } from './least-requests.js'
import type { Candidate, Roster } from './roster.js'
import { createRoundRobin } from './round-robin.js'
import type { Random } from './seeded-random.js'

/** How an endpoint is chosen for a request. */
export type BalanceName = 'least-requests' | 'round-robin' | 'hash'

/** Chooses one of a roster's members. It allocates nothing. */
export interface Balance<C extends Candidate> {
  /**
   * The endpoint for a request; undefined if all members are full or have been tried, so that the request waits or fails.
   *
   * @param tried endpoints that have failed this request
   * @param key the request's affinity, if it has any (affinity.ts); only the hash looks at it
   */
  pick (now: number, tried: readonly C[], key: string | undefined): C | undefined
}

/** Makes the balance of a target. @param random gives numbers from 0 up to 1 */
export function createBalance<C extends Candidate> (name: BalanceName, roster: Roster<C>, random: Random): Balance<C> {
  const leastRequests = createLeastRequests(roster, random)
  if (name === 'least-requests') return leastRequests
  if (name === 'round-robin') return createRoundRobin(roster, random)
  const hash = createBoundedHash(roster)
  return {
    // A request without a key has no endpoint of its own.
    pick: (now, tried, key) => key === undefined ? leastRequests.pick(now, tried, undefined) : hash.pick(now, tried, key)
  }
}
