import { isFree } from './roster.js'
import type { Candidate, Roster } from './roster.js'
import type { Random } from './seeded-random.js'

/**
 * Smooth weighted round robin, as in nginx: each pick adds its weight to each member's credit, takes the member
 * with the most, and takes the sum of the weights from it. So a member of weight 5 among others is not chosen five times in a row. It looks
 * at all members at each pick.
 */
export function createRoundRobin<C extends Candidate> (roster: Roster<C>, random: Random) {
  let version = -1
  let credits = new Float64Array(0)
  let members: readonly C[] = []

  // The credits of members that stay are kept. The others begin at random, so that replicas do not all begin with the same endpoint.
  const follow = (): void => {
    const before = new Map(members.map((member, place) => [member, credits[place]!]))
    members = roster.members
    credits = Float64Array.from(members, member => before.get(member) ?? -random() * member.weight)
    version = roster.version
  }

  return {
    pick (now: number, tried: readonly C[], _key: string | undefined): C | undefined {
      if (version !== roster.version) follow()
      let best = -1
      let sum = 0
      for (let place = 0; place < members.length; place++) {
        const member = members[place]!
        // A member that cannot be taken saves no credit meanwhile, or it would get a row of requests later.
        if (!isFree(member, tried)) continue
        const weight = member.weight * roster.slowShare(member, now)
        sum += weight
        credits[place]! += weight
        if (best === -1 || credits[place]! > credits[best]!) best = place
      }
      if (best === -1) return undefined
      credits[best]! -= sum
      return members[best]
    }
  }
}
