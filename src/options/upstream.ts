import { HoldfastError, optionError } from '../errors.js'

/** Where an `upstream` leads. */
export interface Upstream { readonly origin: URL, readonly socketPath: string | undefined }

/** http:, https:, and reply-from's unix+http://<encoded path>/. Throws HOLDFAST_ERR_OPTION for what cannot be, and for what would not be sent. */
export function parseUpstream (upstream: unknown, option = 'upstream'): Upstream {
  const url = typeof upstream === 'string' && URL.canParse(upstream) ? new URL(upstream) : undefined
  if (url === undefined) throw optionError(option, shown(upstream), 'is no URL; give one like http://users.internal:3000')
  const [, unix, scheme] = /^(unix\+)?(https?):$/.exec(url.protocol) ?? []
  if (scheme === undefined) {
    const remedy = 'is not http: or https: (nor unix+http: or unix+https:); give one like http://localhost:3000'
    throw optionError(option, shown(upstream), remedy)
  }
  const fault = notSent(url)
  if (fault !== undefined) throw optionError(option, shown(upstream), fault)
  if (unix === undefined) return { origin: new URL(url.origin), socketPath: undefined }
  return { origin: new URL(`${scheme}://localhost`), socketPath: pathOf(url.host, option, upstream) }
}

interface GivenUpstreams { readonly upstream?: unknown, readonly wsUpstream?: unknown, readonly getUpstream?: unknown }

/** Refuses a route that leads nowhere, and what is no form of an upstream. */
export function checkUpstreams ({ upstream, wsUpstream, getUpstream }: GivenUpstreams): void {
  for (const [option, value] of [['upstream', upstream], ['wsUpstream', wsUpstream]] as const) {
    if (value instanceof URL) throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: `${option}: is a URL object; give its href` })
  }
  if (wsUpstream !== undefined && typeof wsUpstream !== 'string') {
    const remedy = Array.isArray(wsUpstream) || typeof wsUpstream === 'function'
      ? 'is not possible; leave it out, and the WebSockets of the route go to the endpoints of upstream'
      : 'is no URL; give one like ws://users.internal:3000'
    throw optionError('wsUpstream', wsUpstream, remedy)
  }
  if (upstream !== undefined && !isUpstream(upstream)) {
    throw optionError('upstream', upstream, 'is no URL; give one like http://users.internal:3000, a list of them, or { origin, endpoints }')
  }
  if (getUpstream !== undefined && typeof getUpstream !== 'function') throw optionError('replyOptions.getUpstream', getUpstream, 'must be a function')
  if (upstream || wsUpstream || (getUpstream !== undefined && (upstream === '' || wsUpstream === ''))) return
  throw optionError('upstream', upstream, getUpstream === undefined
    ? 'leads nowhere; give the backend\'s URL, like http://users.internal:3000, or choose it with replyOptions.getUpstream'
    : 'is missing; give \'\' where replyOptions.getUpstream chooses')
}

function isUpstream (value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'function' || Array.isArray(value)) return true
  return typeof value === 'object' && value !== null && 'origin' in value && 'endpoints' in value
}

/**
 * What a user's getUpstream has chosen for one request. Throws HOLDFAST_ERR_OPTION, with the reason as its cause, which a log shows and
 * a client does not see.
 *
 * @param within a path that the result may have: what is sent begins with it in any case
 */
export function checkChosen (chosen: unknown, within: string | undefined): void {
  if (chosen === undefined || chosen === '') return
  const url = typeof chosen === 'string' && URL.canParse(chosen) ? new URL(chosen) : undefined
  const fault = url === undefined ? 'is no URL; give one like http://users.internal:3000' : notSent(url) ?? pathFault(url, within)
  if (fault !== undefined) throw new HoldfastError('HOLDFAST_ERR_OPTION', { cause: optionError('what replyOptions.getUpstream returned', shown(chosen), fault) })
}

function notSent ({ username, password, search, hash }: URL): string | undefined {
  if (username !== '' || password !== '') return 'has credentials, which would not be sent; leave them out, and set authorization in replyOptions.rewriteRequestHeaders'
  if (search !== '') return 'has a query, which would not be sent; leave it out, and give replyOptions.queryString'
  return hash === '' ? undefined : 'has a fragment, which is never sent; leave it out'
}

function pathFault ({ pathname, protocol }: URL, within: string | undefined): string | undefined {
  if (within === undefined || pathname === '/' || pathname === '' || !/^(?:http|ws)s?:$/.test(protocol)) return undefined
  return `${within}/`.startsWith(pathname.endsWith('/') ? pathname : `${pathname}/`) ? undefined : 'has a path, which would not be sent; leave it out, and give rewritePrefix'
}

function pathOf (host: string, option: string, upstream: unknown): string {
  try {
    return decodeURIComponent(host)
  } catch {
    throw optionError(option, upstream, 'has a path that cannot be decoded; give one like unix+http://%2Frun%2Fusers.sock/')
  }
}

/** Without what may be credentials, or a token in a query, for a log. A password may hold what ends a host, and then it is no URL. */
function shown (upstream: unknown): unknown {
  if (typeof upstream !== 'string') return upstream
  const at = upstream.lastIndexOf('@')
  const scheme = at === -1 ? '' : /^(?:(?:unix\+)?[a-z]+:)?[/\\]+|^(?:unix\+)?https?:/i.exec(upstream)?.[0] ?? ''
  const rest = at === -1 ? upstream : `***${upstream.slice(at)}`
  return scheme + rest.replace(/([?#]).+/s, '$1***')
}
