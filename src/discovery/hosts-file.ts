import { isIP } from 'node:net'

/**
 * The addresses of a name in a hosts file (hosts(5)), in its order. `localhost` always has addresses (RFC 6761 section 6.3).
 *
 * @param name a trailing dot is ignored
 */
export function hostsAddresses (hosts: string, name: string): string[] {
  const wanted = name.toLowerCase().replace(/\.$/, '')
  const found: string[] = []
  for (const line of hosts.split('\n')) {
    const [address = '', ...names] = line.split('#', 1)[0]!.trim().split(/\s+/)
    if (isIP(address) !== 0 && names.some(name => name.toLowerCase() === wanted)) found.push(address)
  }
  if (found.length > 0 || (wanted !== 'localhost' && !wanted.endsWith('.localhost'))) return found
  return ['127.0.0.1', '::1']
}
