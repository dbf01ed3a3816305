import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isAllowedHost, readHost } from '../options/host-pattern.js'
import { isLoopback } from './admin-options.js'
import type { ResolvedAdminOptions } from './admin-options.js'
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

// The longest host name has 253 characters. A longer text would only fill the answer.
const LONGEST_SHOWN = 260

type GuardOptions = Pick<ResolvedAdminOptions, 'host' | 'token' | 'allowedHosts'>
type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** Sets the security headers of each response. */
export const addSecurityHeaders: Hook = async (_request, reply) => { reply.headers(SECURITY_HEADERS) }

/**
 * Refuses requests that the page of another site can make a browser send. With DNS rebinding, the attacker's name is in `Host`. Otherwise
 * the page's origin is in `Origin` and `Sec-Fetch-Site`, which browsers set and scripts cannot change.
 *
 * With a token any `Host` is taken: a browser holds the token for the origin of the page alone, so a page of the attacker's does not have
 * it. Without the token it gets the files of the page, which hold no data.
 */
export function refuseOtherSites (options: GuardOptions): Hook {
  return async request => {
    if (options.token === undefined && !isOwnHost(request, options)) throw new Refusal(403, 'HOLDFAST_ADMIN_HOST', hostMessage(request))
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
  const { host = '', origin, 'sec-fetch-site': site } = headers
  // Where a browser sends it, it compares the page's origin with the URL that it asked for: a proxy in front cannot make that wrong.
  if (site !== undefined ? site === 'same-origin' || site === 'none' : origin === undefined || isOriginOf(origin, host)) return
  throw new Refusal(403, 'HOLDFAST_ADMIN_ORIGIN', site === undefined
    ? `The request comes from the page of another site: its Origin is ${shown(origin)}, and its Host is ${shown(host)}. ` +
      'A proxy in front has to pass Host on'
    : `The request comes from the page of another site: its Sec-Fetch-Site is ${shown(site)}`)
}

/** Whether an `Origin` is that of a page from this `Host`. A proxy in front may have ended TLS, so the schemes may differ. */
function isOriginOf (origin: string, host: string): boolean {
  if (!/^https?:\/\/[^/]+$/i.test(origin) || !URL.canParse(origin)) return false
  const page = new URL(origin)
  const asked = `${page.protocol}//${host}`
  return readHost(host) !== undefined && new URL(asked).host === page.host
}

function isOwnHost ({ headers, socket }: FastifyRequest, { host, allowedHosts }: GuardOptions): boolean {
  const given = readHost(headers.host ?? '')
  if (given === undefined) return false
  // No port is compared: a port mapping changes it, and DNS rebinding needs a name. For the same reason, the address that the client
  // connected to is allowed.
  const { name } = given
  return isLoopback(name) || name === canonical(host) || name === canonical(socket.localAddress ?? '') || isAllowedHost(given, allowedHosts)
}

function hostMessage ({ headers }: FastifyRequest): string {
  return `The Host ${shown(headers.host ?? '')} is not allowed without a token: ask for a loopback address, ` +
    'add the host to admin.allowedHosts (ADMIN_ALLOWED_HOSTS), or set admin.token (ADMIN_TOKEN)'
}

function shown (value: string | undefined): string {
  return JSON.stringify((value ?? '').slice(0, LONGEST_SHOWN))
}

/** The host as URL writes it. */
function canonical (host: string): string {
  const address = host.replace(/^::ffff:(?=\d+\.)/i, '').split('%', 1)[0]!
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address.toLowerCase()
}

function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
