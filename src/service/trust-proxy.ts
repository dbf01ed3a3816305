import { isIP } from 'node:net'
import { wrongValue } from './environment-error.js'

// As proxy-addr, which Fastify asks, names them.
const NAMED_RANGES = new Set(['loopback', 'linklocal', 'uniquelocal'])

/** TRUST_PROXY, as Fastify's option takes it. Throws EnvironmentError for what Fastify would not heed. */
export function readTrustProxy (given: string): boolean | string[] {
  const value = given.trim()
  if (value === '' || value === 'false') return false
  if (value === 'true') return true
  const peers = value.split(',').map(peer => peer.trim())
  for (const peer of peers) {
    // How many hops there were says nothing of who the last one was: Fastify believes nobody for a number.
    if (/^\d+$/.test(peer)) throw wrongValue('TRUST_PROXY', peer, 'is a hop count, which would not be heeded; give the addresses of the proxies in front')
    if (!isRange(peer) && !NAMED_RANGES.has(peer)) throw wrongValue('TRUST_PROXY', peer, 'is not true, false, an address, or a range like 10.0.0.0/8')
  }
  return peers
}

function isRange (peer: string): boolean {
  const [, address, bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(peer) ?? []
  const version = isIP(address ?? '')
  if (version === 0) return false
  return bits === undefined || (Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128))
}
