import { partsOfDiscovery, upstreamFault } from './upstream-url.js'

/** Where an entry of UPSTREAMS leads. */
export interface EntryUpstream {
  /** A URL, or those of several endpoints: http:, https:, unix+http: or unix+https:, or a single one with discovery. */
  readonly upstream: string | readonly string[]
  /** The path that several endpoints have, and one with discovery: their URLs are given without it. */
  readonly rewritePrefix?: string
  /** Whether it was given as ws: or wss:. */
  readonly forWebSockets: boolean
}

const EXAMPLE = '/users=http://a:3000|http://b:3000'

/** The URLs of an upstream with several endpoints, which stand between bars. */
export function urlsIn (text: string): readonly string[] {
  return text.split('|').map(url => url.trim())
}

/** What is wrong with the upstream of an entry of UPSTREAMS, as the rest of a sentence; undefined for one that can be. */
export function upstreamsFault (text: string): string | undefined {
  const urls = urlsIn(text)
  if (urls.length > 1 && urls.includes('')) return `has a | without a URL beside it; remove it, or write it like ${EXAMPLE}`
  for (const url of urls) {
    const fault = upstreamFault(url)
    if (fault !== undefined) return fault
  }
  return urls.length === 1 ? undefined : faultOfSeveral(urls)
}

function faultOfSeveral (given: readonly string[]): string | undefined {
  if (given.some(url => /^unix\+/i.test(url))) return 'has a unix socket among several URLs; give http: or https: URLs, or the socket alone'
  if (given.some(url => partsOfDiscovery(url) !== undefined)) {
    return 'has a URL with discovery among several; give it alone, or the URLs of all endpoints'
  }
  const urls = given.map(url => new URL(ofHttp(url)))
  if (new Set(urls.map(({ protocol }) => protocol)).size > 1) {
    return 'has URLs with TLS and URLs without it; give all of them the same scheme'
  }
  if (new Set(urls.map(({ origin }) => origin)).size < urls.length) return 'has an endpoint twice; leave one of them out'
  if (new Set(urls.map(({ pathname }) => pathname)).size > 1) {
    return 'has URLs with different paths; give all of them the same path, which takes the place of the prefix'
  }
  return undefined
}

/** Reads the upstream of an entry, which has no fault. */
export function readEntryUpstream (text: string): EntryUpstream {
  const urls = urlsIn(text)
  const forWebSockets = urls.some(url => /^ws/i.test(url))
  const [first = '', ...others] = urls.map(ofHttp)
  const discovery = partsOfDiscovery(first)
  if (discovery !== undefined) {
    const [upstream, path] = discovery
    return { upstream, ...rewritingTo(path), forWebSockets }
  }
  if (others.length === 0) return { upstream: first, forWebSockets }
  return { upstream: [first, ...others].map(url => new URL(url).origin), ...rewritingTo(new URL(first).pathname), forWebSockets }
}

/** The URLs of an upstream as http: or https:, each with the host and port that it names; none for a socket, and for names of services. */
export function backendUrls ({ upstream }: EntryUpstream): readonly URL[] {
  return [upstream].flat().map(url => url.replace(/^dns\+/, '')).filter(url => /^https?:/.test(url)).map(url => new URL(url))
}

function rewritingTo (path: string): { readonly rewritePrefix?: string } {
  return path === '' || path === '/' ? {} : { rewritePrefix: path }
}

function ofHttp (url: string): string {
  return url.replace(/^[^:]+/, scheme => scheme.toLowerCase().replace(/^ws/, 'http'))
}
