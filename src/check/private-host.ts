import { BlockList, isIP } from 'node:net'

const OWN_NETWORKS = new BlockList()
for (const [network, prefix, family] of [
  ['127.0.0.0', 8, 'ipv4'], ['10.0.0.0', 8, 'ipv4'], ['172.16.0.0', 12, 'ipv4'], ['192.168.0.0', 16, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'], ['100.64.0.0', 10, 'ipv4'],
  ['::1', 128, 'ipv6'], ['fc00::', 7, 'ipv6'], ['fe80::', 10, 'ipv6']
] as const) OWN_NETWORKS.addSubnet(network, prefix, family)

// No public resolver knows names below these: RFC 6761, 6762, 8375, 9476, ICANN's .internal, and names that orchestrators use.
const OWN_NAMES = /(?:^|\.)(?:localhost|local|internal|intranet|private|corp|lan|home|home\.arpa|test|invalid|alt|svc|consul|docker)$/i

/** The host of a URL without the brackets of IPv6. */
export function hostOf ({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

/** Whether a host is an address and no name, and so is never resolved. */
export function isAddress (host: string): boolean {
  return isIP(host) !== 0
}

/** Whether a host lies in a private network, as far as its name or address tells. A name of one label counts as private. */
export function isPrivate (host: string): boolean {
  const version = isIP(host)
  if (version !== 0) return OWN_NETWORKS.check(host, version === 4 ? 'ipv4' : 'ipv6')
  const name = host.replace(/\.$/, '')
  return !name.includes('.') || OWN_NAMES.test(name)
}
