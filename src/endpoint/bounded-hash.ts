import { isFree } from './roster.js'
import type { Candidate, Roster } from './roster.js'
import { mixed } from './seeded-random.js'

// An endpoint takes keys of its own while it has at most so much of its fair part of the requests in flight.
const BOUND = 1.25

/**
 * The same endpoint for the same key: weighted rendezvous hashing (Thaler and Ravishankar; weights as in draft-ietf-bess-weighted-hrw),
 * with bounded loads (Mirrokni, Thorup and Zadimoghaddam). Each endpoint has a score for each key, and the highest score below the bound
 * wins. So an endpoint that is added takes keys from each of the others, and one that is removed gives only its own keys away. All replicas
 * agree, since the scores depend on ids and weights alone.
 *
 * Slow start does not apply: replicas that have known an endpoint for different times would disagree. It looks at all members at each pick.
 */
export function createBoundedHash<C extends Candidate> (roster: Roster<C>) {
  let version = -1
  let hashes = new Uint32Array(0)

  const best = (key: number, tried: readonly C[], bounded: boolean): C | undefined => {
    const { members } = roster
    let highest = -1
    let chosen: C | undefined
    for (let place = 0; place < members.length; place++) {
      const member = members[place]!
      if (!isFree(member, tried)) continue
      if (bounded && member.outstanding >= Math.ceil(BOUND * roster.fairLoad(member, 1))) continue
      const score = scoreOf(key, hashes[place]!, member.weight)
      if (score <= highest) continue
      highest = score
      chosen = member
    }
    return chosen
  }

  return {
    pick (_now: number, tried: readonly C[], key: string): C | undefined {
      if (version !== roster.version) {
        hashes = Uint32Array.from(roster.members, ({ id }) => hashOf(id))
        version = roster.version
      }
      const hash = hashOf(key)
      // Endpoints below the bound may all be full, or have been tried.
      return best(hash, tried, true) ?? best(hash, tried, false)
    }
  }
}

/**
 * -weight / ln(u) for a u in (0, 1) that the key and the endpoint determine: the highest one is each endpoint's in proportion to weight.
 */
function scoreOf (key: number, endpoint: number, weight: number): number {
  const uniform = ((mixed(Math.imul(key, 0x9e3779b1) ^ endpoint) >>> 0) + 0.5) / 2 ** 32
  return -weight / Math.log(uniform)
}

/** 32 bits of a text: FNV-1a over its UTF-16 units (Fowler, Noll and Vo), and a finalizer, since FNV mixes the last bytes little. */
export function hashOf (text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
  }
  return mixed(hash) >>> 0
}
