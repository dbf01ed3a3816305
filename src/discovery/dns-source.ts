import type { NameServers } from './name-servers.js'
import { PolledSource, type Polled } from './polled-source.js'
import { addressId, type Found, type Source } from './source.js'
import type { Timing } from './timing.js'
import { WatchedName, type NameSetting } from './watched-name.js'

/** How names are asked: with what, and how often. */
export interface DnsSetting extends NameSetting {
  readonly servers: NameServers
  /** The longest time between an answer and the next question, in ms. */
  readonly refresh: number
  readonly timing: Timing
}

/** How long all questions for one answer may take, in ms. */
export const DNS_PATIENCE = 10_000

/**
 * Each A and AAAA record of a name is an endpoint. DNS does not say which A and AAAA records are of one server, so a server that has both
 * is two endpoints; families that this machine cannot reach are not asked for.
 */
export function dnsSource (name: string, port: number | undefined, setting: DnsSetting): Source {
  const watched = new WatchedName(name, setting)
  return new PolledSource({
    ...setting,
    patience: DNS_PATIENCE,
    ask: async signal => {
      signal.addEventListener('abort', () => setting.servers.cancel(), { once: true })
      const { addresses, ttl, fault } = await watched.ask()
      const found = addresses.map((host): Found => ({ id: addressId(host, port), host, port, weight: 1, priority: 0, leaving: false }))
      return { answer: { found, absence: 'held', ...fault !== undefined && { fault } }, ttl } satisfies Polled
    }
  })
}
