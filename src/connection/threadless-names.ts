import { ADDRCONFIG } from 'node:dns'
import type { LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
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
  const known = hostsAddresses(textOf('/etc/hosts'), name).filter(wanted)
  if (known.length > 0) return known
  const resolver = new Resolver({ timeout: SERVER_TIMEOUT, tries: TRIES })
  let failure: unknown
  for (const candidate of searchNames(textOf('/etc/resolv.conf'), name)) {
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
  if ((hints & ADDRCONFIG) === 0) return [4, 6]
  const configured = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? []).filter(({ internal }) => !internal).map(({ family }) => family)
  const families = ([4, 6] as const).filter(version => configured.includes(`IPv${version}`))
  return families.length === 0 ? [4, 6] : families
}

/** The addresses of a name in a hosts file (hosts(5)). `localhost` always has addresses (RFC 6761 section 6.3). */
export function hostsAddresses (hosts: string, name: string): LookupAddress[] {
  const wanted = name.toLowerCase().replace(/\.$/, '')
  const found: LookupAddress[] = []
  for (const line of hosts.split('\n')) {
    const [address = '', ...names] = line.split('#', 1)[0]!.trim().split(/\s+/)
    const family = isIP(address)
    if (family !== 0 && names.some(name => name.toLowerCase() === wanted)) found.push({ address, family })
  }
  if (found.length > 0 || (wanted !== 'localhost' && !wanted.endsWith('.localhost'))) return found
  return [{ address: '127.0.0.1', family: 4 }, { address: '::1', family: 6 }]
}

/**
 * The names to ask DNS for, in order, by `search` and `ndots` of resolv.conf(5). In a cluster, `users` is found by its search list only.
 */
export function searchNames (resolvConf: string, name: string): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  let domains: string[] = []
  let ndots = 1
  for (const line of resolvConf.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/)
    if (keyword === 'search' || keyword === 'domain') domains = values
    if (keyword !== 'options') continue
    const given = values.find(value => value.startsWith('ndots:'))
    if (given !== undefined) ndots = Number(given.slice('ndots:'.length)) || 0
  }
  const searched = domains.map(domain => `${name}.${domain.replace(/\.$/, '')}`).filter(candidate => !candidate.endsWith('.'))
  return name.split('.').length - 1 >= ndots ? [name, ...searched] : [...searched, name]
}

function textOf (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
