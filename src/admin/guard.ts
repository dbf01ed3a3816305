import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLoopback } from './admin-options.js'
import { Refusal } from './refusal.js'

// No inline script or style, and nothing from other sites: a name that a backend or a route chose is shown, and cannot run as a script.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"
].join('; ')

const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store'
}

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** Sets the security headers of each response. */
export const addSecurityHeaders: Hook = async (_request, reply) => { reply.headers(SECURITY_HEADERS) }

/**
 * Refuses requests that the page of another site can make a browser send. With DNS rebinding, the attacker's name is in `Host`. Otherwise
 * the page's origin is in `Origin` and `Sec-Fetch-Site`, which browsers set and scripts cannot change.
 *
 * @param host that the surface listens on
 */
export function refuseOtherSites (host: string): Hook {
  return async request => {
    if (!isOwnHost(request, host)) throw new Refusal(403, 'HOLDFAST_ADMIN_HOST', 'The Host of the request is not this listener\'s: ask for it by a loopback address, or by the admin host, and its port')
    if (request.method === 'GET' || request.method === 'HEAD') return
    refuseForeign(request)
  }
}

/** Refuses requests of other sites, of any method, and requests without the token where one is set. */
export function refuseStrangers (token: string | undefined): Hook {
  const right = token === undefined ? undefined : digest(token)
  return async request => {
    refuseForeign(request)
    if (right === undefined) return
    const [, given] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
    // Digests have one length, as `timingSafeEqual` needs, and a part that agrees says nothing about the token.
    if (given !== undefined && timingSafeEqual(digest(given), right)) return
    throw new Refusal(401, 'HOLDFAST_ADMIN_TOKEN', 'This needs the admin token, as Authorization: Bearer', { 'www-authenticate': 'Bearer realm="holdfast"' })
  }
}

function refuseForeign ({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site']
  const foreign = (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    // `refuseOtherSites` has checked Host before.
    (headers.origin !== undefined && headers.origin.toLowerCase() !== `http://${headers.host!.toLowerCase()}`)
  if (foreign) throw new Refusal(403, 'HOLDFAST_ADMIN_ORIGIN', 'The request comes from another site\'s page')
}

function isOwnHost ({ headers, socket }: FastifyRequest, configured: string): boolean {
  const given = headers.host ?? ''
  // URL alone would accept 'a/@127.0.0.1'.
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i.test(given) || !URL.canParse(`http://${given}`)) return false
  const { hostname, port } = new URL(`http://${given}`)
  if (Number(port || 80) !== socket.localPort) return false
  const bare = hostname.replace(/^\[|\]$/g, '')
  // The address that the client connected to is allowed as well: DNS rebinding needs a name in Host.
  return isLoopback(bare) || bare === canonical(configured) || bare === canonical(socket.localAddress ?? '')
}

/** The host as URL writes it. */
function canonical (host: string): string {
  const address = host.replace(/^::ffff:(?=\d+\.)/i, '').split('%', 1)[0]!
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address.toLowerCase()
}

function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
