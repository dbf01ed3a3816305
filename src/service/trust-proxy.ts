import { isIP } from 'node:net'
import { wrongValue } from './environment-error.js'

// The names that proxy-addr knows, which Fastify uses.
const NAMED_RANGES = new Set(['loopback', 'linklocal', 'uniquelocal'])

/** The value of Fastify's option `trustProxy`. Throws EnvironmentError for a value that is not possible. */
export function readTrustProxy (given: string): boolean | string[] {
  const value = given.trim()
  if (value === '' || value === 'false') return false
  if (value === 'true') return true
  const peers = value.split(',').map(peer => peer.trim())
  for (const peer of peers) {
    // With a number of hops, Fastify does not know which addresses to trust, and believes none.
    if (/^\d+$/.test(peer)) {
      throw wrongValue('TRUST_PROXY', peer, 'is a hop count, which would not be heeded; give the addresses of the proxies in front')
    }
    if (/\s/.test(peer) && peer.split(/\s+/).every(isPeer)) {
      throw wrongValue('TRUST_PROXY', peer, `has spaces between its addresses; separate them by commas: ${peer.split(/\s+/).join(',')}`)
    }
    if (!isPeer(peer)) {
      throw wrongValue('TRUST_PROXY', peer, 'is not true, false, an address, or a range like 10.0.0.0/8')
    }
  }
  return peers
}

function isPeer (peer: string): boolean {
  return isRange(peer) || NAMED_RANGES.has(peer)
}

function isRange (peer: string): boolean {
  const [, address, bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(peer) ?? []
  const version = isIP(address ?? '')
  if (version === 0) return false
  return bits === undefined || (Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128))
}
