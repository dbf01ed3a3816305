import dns from 'node:dns'
import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { canonical, isReachable, reachableFamilies, type Family } from './families.js'
import { hostsAddresses } from './hosts-file.js'
import type { NameServers } from './name-servers.js'
import { candidatesOf } from './search-list.js'
import { DiscoveryFailure, type DiscoveryFault } from './source.js'

/** The addresses of a name, each once. */
export interface NameAddresses {
  readonly addresses: readonly string[]
  /** How long they hold, in ms; undefined where that is not said (hosts file, getaddrinfo). */
  readonly ttl: number | undefined
  /** One family could not be asked. The addresses that it had before are among `addresses`. */
  readonly fault?: DiscoveryFault
}

export interface NameSetting {
  readonly servers: NameServers
  /** Which families of addresses can be dialled. @default those of which this machine has an address */
  readonly families?: () => readonly Family[]
  /** Knows names that neither the hosts file nor DNS has. @default `dns.lookup`, which takes one of libuv's threads */
  readonly lookup?: LookupFunction
}

interface Record { readonly address: string, readonly ttl: number }

/** What the name servers know: records of the families that answered, and why others did not. */
interface Known { readonly records: ReadonlyMap<Family, readonly Record[]>, readonly failures: ReadonlyMap<Family, unknown> }

// What c-ares says where there is no such name, and where it has no record of the type.
const NO_SUCH_NAME = new Set(['ENOTFOUND', 'ENODATA'])

/**
 * A name that is asked again and again. It is found as the system finds it: in the hosts file, then in DNS with the search list, then by
 * what else getaddrinfo knows (mDNS, LDAP). The first two are read by c-ares and not by getaddrinfo, since only c-ares gives the TTL, and
 * getaddrinfo blocks one of libuv's four threads while a name server does not answer.
 *
 * Candidates of the search list are asked in order. Those behind the one that has answered are not asked any more, whatever that one says
 * later: they may be other backends. Until one has answered, a candidate that fails is passed over as glibc does (`passesOver`).
 */
export class WatchedName {
  readonly #name: string
  readonly #setting: Required<NameSetting>
  #answering: string | undefined
  readonly #known = new Map<Family, readonly Record[]>()

  /** @param name with a trailing dot, the search list is not used */
  constructor (name: string, { servers, families = reachableFamilies, lookup = systemLookup }: NameSetting) {
    this.#name = name
    this.#setting = { servers, families, lookup }
  }

  /** Throws a DiscoveryFailure if nothing is known. */
  async ask (): Promise<NameAddresses> {
    const name = this.#name.replace(/\.$/, '')
    if (isIP(name) !== 0) return { addresses: [canonical(name)], ttl: undefined }
    const { servers, families } = this.#setting
    const reachable = families()
    const inFile = unique(hostsAddresses(servers.hosts, name)).filter(address => isReachable(address, reachable))
    if (inFile.length > 0) return { addresses: inFile, ttl: undefined }
    const candidates = candidatesOf(this.#name, servers.searchList)
    if (this.#answering !== undefined && !candidates.includes(this.#answering)) this.#answering = undefined
    let passed: DiscoveryFailure | undefined
    for (const candidate of candidates) {
      const known = await this.#query(candidate, reachable)
      if (hasRecords(known)) {
        if (candidate !== this.#answering) this.#known.clear()
        this.#answering = candidate
        return this.#remembered(candidate, known)
      }
      const [error] = known.failures.values()
      if (error !== undefined) {
        const failure = new DiscoveryFailure('failed', `${candidate}: ${reasonOf(error)}`, error)
        if (!passesOver(candidate, this.#answering, error)) throw failure
        passed ??= failure
      } else if (candidate === this.#answering) {
        throw new DiscoveryFailure('empty', `${candidate}: has no address any more; the last ones are kept`)
      }
    }
    if (passed !== undefined) throw passed
    return await this.#elsewhere(candidates, reachable)
  }

  async #query (candidate: string, families: readonly Family[]): Promise<Known> {
    const { resolver } = this.#setting.servers
    const ttl = { ttl: true } as const
    const records = new Map<Family, readonly Record[]>()
    const failures = new Map<Family, unknown>()
    await Promise.all(families.map(async family => {
      try {
        records.set(family, family === 4 ? await resolver.resolve4(candidate, ttl) : await resolver.resolve6(candidate, ttl))
      } catch (error) {
        if (NO_SUCH_NAME.has(codeOf(error))) records.set(family, [])
        else failures.set(family, error)
      }
    }))
    return { records, failures }
  }

  /** The addresses of the families that answered, and those that the others had before. */
  #remembered (candidate: string, { records, failures }: Known): NameAddresses {
    for (const family of this.#known.keys()) if (!records.has(family) && !failures.has(family)) this.#known.delete(family)
    for (const [family, list] of records) this.#known.set(family, list)
    const all = [...this.#known].sort(([a], [b]) => a - b).flatMap(([, list]) => list)
    const ttl = Math.min(...[...records.values()].flat().map(({ ttl }) => ttl)) * 1_000
    const addresses = unique(all.map(({ address }) => address))
    const [failed] = failures
    if (failed === undefined) return { addresses, ttl }
    const [family, error] = failed
    const message = `${candidate}: the ${family === 4 ? 'A' : 'AAAA'} records could not be asked for: ${reasonOf(error)}`
    return { addresses, ttl, fault: { kind: 'failed', message, cause: error } }
  }

  /** Own name servers are asked for what is not elsewhere, so getaddrinfo is not asked then. */
  async #elsewhere (candidates: readonly string[], families: readonly Family[]): Promise<NameAddresses> {
    const { servers, lookup } = this.#setting
    const types = families.map(family => family === 4 ? 'A' : 'AAAA').join(' or ')
    const nowhere = `${candidates.join(', ')}: no ${types} record` + (candidates.length > 1 ? ' of any of them' : '')
    if (servers.areOwn) throw new DiscoveryFailure('empty', nowhere)
    const found = await new Promise<LookupAddress[]>((resolve, reject) => {
      lookup(this.#name, { all: true }, (error, addresses) => {
        if (error === null && typeof addresses !== 'string') resolve(addresses)
        else reject(new DiscoveryFailure('empty', `${nowhere}, and getaddrinfo knows none`, error))
      })
    })
    const addresses = unique(found.map(({ address }) => address)).filter(address => isReachable(address, families))
    if (addresses.length === 0) throw new DiscoveryFailure('empty', nowhere)
    return { addresses, ttl: undefined }
  }
}

/** Read at each call, since a test or a tracer may have replaced it. */
const systemLookup: LookupFunction = (name, options, callback) => dns.lookup(name, options, callback)

function hasRecords ({ records }: Known): boolean {
  return [...records.values()].some(list => list.length > 0)
}

function unique (addresses: readonly string[]): string[] {
  return [...new Set(addresses.map(canonical))]
}

function codeOf (error: unknown): string {
  return (error as NodeJS.ErrnoException | null)?.code ?? ''
}

const REASONS: Readonly<{ [code: string]: string }> = {
  ESERVFAIL: 'the name server failed (SERVFAIL)',
  EREFUSED: 'the name server refused the question (REFUSED)',
  ETIMEOUT: 'no name server answered',
  ECONNREFUSED: 'no name server could be reached',
  ECANCELLED: 'no name server answered in time',
  EBADRESP: 'the name server\'s answer could not be read'
}

/** Without the name, which the message has, and without what changes from question to question. */
export function reasonOf (error: unknown): string {
  const code = codeOf(error)
  return REASONS[code] ?? (code === '' ? String(error) : code)
}

/**
 * Whether the next candidate of the search list is asked after one that failed. Where none has answered yet: after a SERVFAIL, as in glibc,
 * since a domain of the list may have no name server; no answer at all ends the question. Where one has: it is asked in any case.
 */
export function passesOver (candidate: string, answering: string | undefined, error: unknown): boolean {
  return answering === undefined ? codeOf(error) === 'ESERVFAIL' : candidate !== answering
}

/** Whether a name server said that there is no such record. */
export function saysNone (error: unknown): boolean {
  return NO_SUCH_NAME.has(codeOf(error))
}
