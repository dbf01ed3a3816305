import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLoopback } from './admin-options.js'
import { Refusal } from './refusal.js'

// No inline script or style and nothing from elsewhere: a name that a backend or a route chose can be shown, and never run.
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

/** Puts what a browser is to be strict about on each response. */
export const addSecurityHeaders: Hook = async (_request, reply) => { reply.headers(SECURITY_HEADERS) }

/**
 * Refuses what a web page elsewhere can make a browser send. A name that an attacker has pointed at this address (DNS rebinding) is in
 * `Host`; a page's own origin is in `Origin` and `Sec-Fetch-Site`, which browsers set and scripts cannot.
 *
 * @param host that is listened on
 */
export function refuseOtherSites (host: string): Hook {
  return async request => {
    if (!isOwnHost(request, host)) throw new Refusal(403, 'HOLDFAST_ADMIN_HOST', 'The Host of the request is not this listener\'s: ask for it by a loopback address, or by the admin host, and its port')
    if (request.method === 'GET' || request.method === 'HEAD') return
    refuseForeign(request)
  }
}

/** Refuses other sites' requests of whatever method, and those without the token, if there is one. */
export function refuseStrangers (token: string | undefined): Hook {
  const right = token === undefined ? undefined : digest(token)
  return async request => {
    refuseForeign(request)
    if (right === undefined) return
    const [, given] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
    // Digests are of one length, and how much of a wrong one is right says nothing of the token.
    if (given !== undefined && timingSafeEqual(digest(given), right)) return
    throw new Refusal(401, 'HOLDFAST_ADMIN_TOKEN', 'This needs the admin token, as Authorization: Bearer', { 'www-authenticate': 'Bearer realm="holdfast"' })
  }
}

function refuseForeign ({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site']
  const foreign = (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    // The Host has been found to be ours.
    (headers.origin !== undefined && headers.origin.toLowerCase() !== `http://${headers.host!.toLowerCase()}`)
  if (foreign) throw new Refusal(403, 'HOLDFAST_ADMIN_ORIGIN', 'The request comes from another site\'s page')
}

function isOwnHost ({ headers, socket }: FastifyRequest, configured: string): boolean {
  const given = headers.host ?? ''
  // URL would take 'a/@127.0.0.1' too.
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i.test(given) || !URL.canParse(`http://${given}`)) return false
  const { hostname, port } = new URL(`http://${given}`)
  if (Number(port || 80) !== socket.localPort) return false
  const bare = hostname.replace(/^\[|\]$/g, '')
  // Listening on every address, it is asked by one of them; an address in Host was looked up by nobody.
  return isLoopback(bare) || bare === canonical(configured) || bare === canonical(socket.localAddress ?? '')
}

/** As URL writes it. */
function canonical (host: string): string {
  const address = host.replace(/^::ffff:(?=\d+\.)/i, '').split('%', 1)[0]!
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address.toLowerCase()
}

function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
