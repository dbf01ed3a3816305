import type { Candidate, Roster } from './roster.js'
import type { Random } from './seeded-random.js'

// A warm endpoint is preferred while it has at most so much of its fair part of the requests in flight, and always with one request.
const WARM_LOAD = 1.25
const WARM_AT_LEAST = 1
// It is not preferred to an endpoint that has less than so much of its own part.
const STARVED = 0.75
// One choice of so many takes no notice of warmth.
const EXPLORE = 32

/**
 * Least requests of two random choices (Mitzenmacher, "The Power of Two Choices"): nearly as even as a full scan, in constant time, and
 * without the herds that replicas form if each of them sends to the one least loaded endpoint.
 *
 * Both are drawn by weight, and the lesser of (outstanding + r) / weight wins, with an r from 0 to 1 that is random at each choice. With
 * Envoy's formula, where r is always 1, weights of 1:2:5 result in shares of 10:25:65 with 20 requests in flight, and the lightest endpoint
 * gets no single request at all; with an r of 0 it gets too many. Here each share is within 3 % of 1:2:5 from 12 requests in flight on, and
 * single requests are shared exactly. Between equal weights only the requests in flight decide.
 *
 * A warm endpoint spares a handshake, so it wins over one that would have to dial, unless it has clearly more than its part. Where there
 * is at least one request for each endpoint, an endpoint that has clearly less than its part wins in spite of its dial. Otherwise one that
 * was added, or that has restarted, would stay idle for as long as the others have a connection to spare. Where there are fewer requests,
 * one choice in 32 lets it have one, and then it is warm too: of two endpoints, both are used, and known to work, though requests come one
 * at a time.
 */
export function createLeastRequests<C extends Candidate> (roster: Roster<C>, random: Random) {
  return {
    pick (now: number, tried: readonly C[], _key: string | undefined): C | undefined {
      const first = roster.draw(random, now, tried)
      if (first === undefined || roster.members.length === 1) return first
      const second = roster.drawBeside(first, random, now, tried)
      return second === undefined ? first : better(roster, random, first, second, now)
    }
  }
}

function better<C extends Candidate> (roster: Roster<C>, random: Random, first: C, second: C, now: number): C {
  if (first.warm !== second.warm && random() * EXPLORE >= 1) {
    const warm = first.warm ? first : second
    const cold = first.warm ? second : first
    if (warm.outstanding <= Math.max(WARM_AT_LEAST, WARM_LOAD * partOf(roster, warm, now)) && !isStarved(roster, cold, now)) return warm
  }
  // The first one wins a tie, since it was drawn by weight.
  if (first.outstanding === 0 && second.outstanding === 0) return first
  const firstWeight = first.weight * roster.slowShare(first, now)
  const secondWeight = second.weight * roster.slowShare(second, now)
  if (firstWeight === secondWeight) return second.outstanding < first.outstanding ? second : first
  return (second.outstanding + random()) * firstWeight < (first.outstanding + random()) * secondWeight ? second : first
}

function isStarved<C extends Candidate> (roster: Roster<C>, member: C, now: number): boolean {
  const part = partOf(roster, member, now)
  return part >= 1 && member.outstanding < STARVED * part
}

function partOf<C extends Candidate> (roster: Roster<C>, member: C, now: number): number {
  return roster.fairLoad(member, 0) * roster.slowShare(member, now)
}
