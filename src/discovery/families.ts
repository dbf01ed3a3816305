import { BlockList, isIP, SocketAddress } from 'node:net'
import { networkInterfaces } from 'node:os'

export type Family = 4 | 6

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

/**
 * The families of addresses that this machine can reach: those of which it has an address that is neither loopback nor link-local; both
 * if it has none at all. Without this, each AAAA record would be an endpoint that refuses all dials where there is no IPv6. It is
 * getaddrinfo's AI_ADDRCONFIG. IPv4 comes first.
 */
export function reachableFamilies (interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces()): Family[] {
  const all = Object.values(interfaces).flatMap(list => list ?? [])
  const addresses = all.filter(({ internal, address }) => !internal && !isLinkLocal(address))
  const families = ([4, 6] as const).filter(version => addresses.some(({ family }) => family === `IPv${version}`))
  return families.length === 0 ? [4, 6] : families
}

/** Whether a machine with these families can dial an address. Loopback is always there. */
export function isReachable (address: string, families: readonly Family[]): boolean {
  const family = isIP(address)
  return families.some(one => one === family) || LOOPBACK.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** The one way to write an address: a hosts file may have `FD00:0::1`. */
export function canonical (address: string): string {
  return isIP(address) === 6 && !address.includes('%') ? new SocketAddress({ address, family: 'ipv6' }).address : address
}

function isLinkLocal (address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab][\da-f]:/i.test(address)
}
