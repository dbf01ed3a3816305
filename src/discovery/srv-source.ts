import type { SrvRecord } from 'node:dns'
import { DNS_PATIENCE, type DnsSetting } from './dns-source.js'
import { PolledSource, type Polled } from './polled-source.js'
import { candidatesOf } from './search-list.js'
import { addressId, DiscoveryFailure, faultOf, type DiscoveryFault, type Found, type Source } from './source.js'
import { weightsOf } from './srv-weights.js'
import { passesOver, reasonOf, saysNone, WatchedName, type NameAddresses } from './watched-name.js'

// Targets whose names are asked at once.
const AT_ONCE = 16
// An answer over TCP has 64 KiB at most, which are some 2 000 records.
const MOST_RECORDS = 1_000

/** A target, and what was last known of it. */
interface SrvTarget { readonly name: WatchedName, last: NameAddresses | undefined, fault: DiscoveryFault | undefined }

/**
 * SRV records (RFC 2782): each address of each target is an endpoint, with the record's port and priority, and an equal part of its
 * weight. A target whose name cannot be resolved keeps the addresses that it had; others are not affected. SRV records come without their
 * TTL from Node, so they are asked for at `refresh`, or when addresses of targets expire.
 */
export function srvSource (name: string, setting: DnsSetting): Source {
  const asked = new SrvName(name, setting)
  return new PolledSource({
    ...setting,
    patience: DNS_PATIENCE,
    ask: async signal => {
      signal.addEventListener('abort', () => setting.servers.cancel(), { once: true })
      return await asked.ask(signal)
    }
  })
}

class SrvName {
  readonly #name: string
  readonly #setting: DnsSetting
  readonly #targets = new Map<string, SrvTarget>()
  #answering: string | undefined

  constructor (name: string, setting: DnsSetting) {
    this.#name = name
    this.#setting = setting
  }

  async ask (signal: AbortSignal): Promise<Polled> {
    const records = await this.#records()
    const names = new Set(records.map(({ name }) => name))
    for (const name of this.#targets.keys()) if (!names.has(name)) this.#targets.delete(name)
    const waiting = [...names]
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let name = waiting.pop(); name !== undefined && !signal.aborted; name = waiting.pop()) await this.#askTarget(name)
    }))
    const targets = [...this.#targets.values()]
    const fault = targets.find(({ fault }) => fault !== undefined)?.fault
    const found = this.#endpointsOf(records)
    if (found.length === 0) throw new DiscoveryFailure('empty', `${this.#name}: no target has an address; ${fault?.message ?? ''}`)
    const ttl = Math.min(...targets.map(({ last }) => last?.ttl ?? Infinity))
    return { answer: { found, absence: 'held', ...fault !== undefined && { fault } }, ttl }
  }

  /** In the order of the search list, as for other names (`WatchedName`). */
  async #records (): Promise<SrvRecord[]> {
    const { servers } = this.#setting
    const candidates = candidatesOf(this.#name, servers.searchList)
    if (this.#answering !== undefined && !candidates.includes(this.#answering)) this.#answering = undefined
    let passed: DiscoveryFailure | undefined
    for (const candidate of candidates) {
      let records: SrvRecord[] = []
      try {
        records = await servers.resolver.resolveSrv(candidate)
      } catch (error) {
        if (!saysNone(error)) {
          const failure = new DiscoveryFailure('failed', `${candidate}: ${reasonOf(error)}`, error)
          if (!passesOver(candidate, this.#answering, error)) throw failure
          passed ??= failure
        }
      }
      if (records.length > 0) {
        this.#answering = candidate
        const served = records.filter(({ name, port }) => name !== '' && name !== '.' && port > 0).slice(0, MOST_RECORDS)
        if (served.length > 0) return served
        throw new DiscoveryFailure('empty', `${candidate}: its SRV record says that the service is not offered (target ".")`)
      }
      if (candidate === this.#answering) {
        throw new DiscoveryFailure('empty', `${candidate}: has no SRV record any more; the last ones are kept`)
      }
    }
    throw passed ?? new DiscoveryFailure('empty', `${candidates.join(', ')}: no SRV record${candidates.length > 1 ? ' of any of them' : ''}`)
  }

  async #askTarget (name: string): Promise<void> {
    // The names of targets are complete.
    const complete = `${name.replace(/\.$/, '')}.`
    const target = this.#targets.get(name) ?? { name: new WatchedName(complete, this.#setting), last: undefined, fault: undefined }
    this.#targets.set(name, target)
    try {
      target.last = await target.name.ask()
      target.fault = target.last.fault
    } catch (error) {
      target.fault = faultOf(error, name)
    }
  }

  #endpointsOf (records: readonly SrvRecord[]): Found[] {
    const weights = weightsOf(records)
    const endpoints = new Map<string, Found>()
    records.forEach(({ name, port, priority }, index) => {
      const addresses = this.#targets.get(name)?.last?.addresses ?? []
      for (const host of addresses) {
        const id = addressId(host, port)
        const weight = weights[index]! / addresses.length
        const other = endpoints.get(id)
        // Two names of one server: the better priority counts, with the weight that it has there.
        if (other === undefined || priority < other.priority) endpoints.set(id, { id, host, port, weight, priority, leaving: false })
        else if (priority === other.priority) endpoints.set(id, { ...other, weight: other.weight + weight })
      }
    })
    return [...endpoints.values()]
  }
}
