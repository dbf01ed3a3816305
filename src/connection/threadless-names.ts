import { ADDRCONFIG } from 'node:dns'
import type { LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { reachableFamilies } from '../discovery/families.js'
import { hostsAddresses } from '../discovery/hosts-file.js'
import { NameServers } from '../discovery/name-servers.js'
import { candidatesOf } from '../discovery/search-list.js'
import type { Answered, NameQuery } from './lookups.js'

// In ms. A name server that has not answered by then is asked once more, and not again.
const SERVER_TIMEOUT = 1_000
const TRIES = 2

/**
 * Looks a name up as getaddrinfo does by default (hosts file, then DNS with the search list of resolv.conf), without one of libuv's
 * threads: c-ares waits on sockets. Both files are read at each look-up: they are small, and this runs only while other look-ups hang.
 */
export function lookUpWithoutThread (name: string, query: NameQuery, answered: Answered): void {
  ask(name, query).then(addresses => answered(null, addresses), (error: unknown) => answered(error as Error, []))
}

async function ask (name: string, { family, hints }: NameQuery): Promise<readonly LookupAddress[]> {
  const wanted = ({ family: found }: LookupAddress): boolean => family === 0 || family === found
  const { hosts, searchList, resolver } = new NameServers(undefined, {}, () => new Resolver({ timeout: SERVER_TIMEOUT, tries: TRIES }))
  const known = hostsAddresses(hosts, name).map(address => ({ address, family: isIP(address) })).filter(wanted)
  if (known.length > 0) return known
  let failure: unknown
  for (const candidate of candidatesOf(name, searchList)) {
    const answers = await Promise.allSettled(familiesOf(family, hints).map(async of => {
      const addresses = of === 4 ? await resolver.resolve4(candidate) : await resolver.resolve6(candidate)
      return addresses.map((address): LookupAddress => ({ address, family: of }))
    }))
    const found = answers.flatMap(answer => answer.status === 'fulfilled' ? answer.value : [])
    if (found.length > 0) return found
    failure = answers.find(answer => answer.status === 'rejected')?.reason ?? failure
  }
  throw failure
}

/** IPv4 comes first: without getaddrinfo's order by reachability, an IPv4 address is more often reachable. */
function familiesOf (family: number, hints: number): (4 | 6)[] {
  if (family === 4 || family === 6) return [family]
  return (hints & ADDRCONFIG) === 0 ? [4, 6] : reachableFamilies()
}
