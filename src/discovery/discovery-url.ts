import { domainToASCII } from 'node:url'
import { isIP } from 'node:net'
import { optionError } from '../errors.js'

interface Common {
  readonly protocol: 'http:' | 'https:'
  /** What `Host` and the name of certificates are made from. */
  readonly origin: URL
}

interface KubernetesService {
  readonly kind: 'kubernetes'
  readonly service: string
  /** undefined: the service account's. */
  readonly namespace: string | undefined
  /** The name of the Service's port, the number of the pods', or undefined for the only one. */
  readonly port: number | string | undefined
}

/** An upstream whose endpoints are discovered. */
export type DiscoveryUrl = Common & (
  /** Each address of a name. @property port undefined: that of the protocol */
  | { readonly kind: 'dns', readonly name: string, readonly port: number | undefined }
  /** @property name of the SRV records: `_http._tcp.users` */
  | { readonly kind: 'srv', readonly name: string }
  | KubernetesService
)

const KINDS = ['dns', 'srv', 'kubernetes'] as const
const EXAMPLES = {
  dns: 'dns+http://users.internal:3000',
  srv: 'srv+http://_http._tcp.users.internal',
  kubernetes: 'kubernetes+http://users.shop:http'
}

/** Whether an upstream asks for discovery. It may still be wrong. */
export function isDiscoveryUrl (upstream: unknown): upstream is string {
  return typeof upstream === 'string' && /^(?:dns|srv|kubernetes)\+/i.test(upstream)
}

/**
 * Reads `dns+http://users:3000`, `srv+https://_https._tcp.users` and `kubernetes+http://service.namespace:port`. WHATWG's URL cannot: it
 * takes no name for a port. Throws HOLDFAST_ERR_OPTION.
 */
export function parseDiscoveryUrl (upstream: string, option = 'upstream'): DiscoveryUrl {
  return readDiscoveryUrl(upstream, fault => {
    // A password is not to be logged.
    const at = upstream.lastIndexOf('@')
    throw optionError(option, at === -1 ? upstream : `${partsOf(upstream)[0]}://***${upstream.slice(at)}`, fault)
  })
}

/** Reads such a URL. @param fail throws the error for what is wrong with it, which comes as the rest of a sentence with its remedy */
export function readDiscoveryUrl (upstream: string, fail: (fault: string) => never): DiscoveryUrl {
  const [schemes, authority, rest] = partsOf(upstream)
  const [given = '', protocol = '', ...more] = schemes.toLowerCase().split('+')
  const kind = KINDS.find(kind => kind === given)
  if (kind === undefined) {
    return fail(`has none of the schemes dns+http:, srv+http:, kubernetes+http: (or +https:); give one like ${EXAMPLES.dns}`)
  }
  const example = EXAMPLES[kind]
  if (more.length > 0 || (protocol !== 'http' && protocol !== 'https')) {
    fail(`has the scheme ${schemes}; ${kind}+ is followed by http: or https: alone, like ${example}`)
  }
  if (authority.includes('@')) {
    fail('has credentials, which would not be sent; leave them out, and set authorization in replyOptions.rewriteRequestHeaders')
  }
  if (rest !== '' && rest !== '/') fail('has a path, a query or a fragment, which would not be sent; leave it out, and give rewritePrefix')
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(authority) ?? []
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) fail(`has an address in place of a name; write ${protocol}://${authority}`)
  const name = nameOf(host) ?? fail(`has no name that can be looked up; give one like ${example}`)
  const common = { protocol: `${protocol}:` as 'http:' | 'https:' }
  const originOf = (host: string, port?: number | string): URL => new URL(`${protocol}://${host}:${typeof port === 'number' ? port : ''}`)
  switch (kind) {
    case 'dns': {
      const number = port === undefined
        ? undefined
        : portOf(port) ?? fail(`has no port from 1 to 65535, but ${JSON.stringify(port)}; give one like ${example}`)
      return { ...common, kind, name, port: number, origin: originOf(name.replace(/\.$/, ''), number) }
    }
    case 'srv': {
      const [, domain] = /^_[^.]+\._[^.]+\.(.+)$/.exec(name) ?? fail(`is no name of SRV records; give one like ${example}`)
      if (port !== undefined) fail(`has a port, and SRV records have their own; leave it out, like ${example}`)
      return { ...common, kind, name, origin: originOf(domain!.replace(/\.$/, '')) }
    }
    case 'kubernetes': {
      const [service = '', namespace, ...beyond] = name.split('.')
      const isLabel = (label: string): boolean => /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/.test(label)
      if (beyond.length > 0 || !isLabel(service) || (namespace !== undefined && !isLabel(namespace))) {
        fail(`is not service.namespace, without svc and the cluster's domain; give one like ${example}`)
      }
      const wanted = port === undefined
        ? undefined
        : portOf(port) ?? portName(port) ?? fail(`has no port, but ${JSON.stringify(port)}: a port is a name (lower case, at most 63 ` +
          `characters), or the number at which the pods listen; give one like ${example}`)
      return { ...common, kind, service, namespace, port: wanted, origin: originOf(name, wanted) }
    }
  }
}

/** The schemes, the host with its port, and all that is behind. */
function partsOf (upstream: string): [string, string, string] {
  const colon = upstream.indexOf('://')
  if (colon === -1) return ['', '', '']
  const behind = upstream.slice(colon + 3)
  const end = behind.search(/[/?#]/)
  return end === -1 ? [upstream.slice(0, colon), behind, ''] : [upstream.slice(0, colon), behind.slice(0, end), behind.slice(end)]
}

function nameOf (host: string): string | undefined {
  // Percent-encoding would be decoded.
  if (host.includes('%')) return undefined
  const name = domainToASCII(host)
  const labels = name.replace(/\.$/, '').split('.')
  return name.length <= 254 && labels.every(label => /^[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?$/.test(label)) ? name : undefined
}

function portOf (port: string): number | undefined {
  if (!/^\d{1,5}$/.test(port)) return undefined
  const number = Number(port)
  return number > 0 && number < 65_536 ? number : undefined
}

function portName (port: string): string | undefined {
  return /[a-z]/.test(port) && /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/.test(port) ? port : undefined
}
