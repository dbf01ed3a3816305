import { wrongValue } from './environment-error.js'

/** One entry of UPSTREAMS: requests under `prefix` go to `upstream`. */
export interface UpstreamEntry { readonly prefix: string, readonly upstream: string }

/** Reads the entries of UPSTREAMS. Throws EnvironmentError for the first one that is not possible. */
export function readUpstreams (list: string): readonly UpstreamEntry[] {
  if (list.trim() === '') return []
  const entries = list.split(',').map(readUpstream)
  const prefixes = new Set<string>()
  for (const { prefix } of entries) {
    if (prefixes.has(prefix)) throw wrongValue('UPSTREAMS', prefix, 'is there twice; a prefix has one upstream')
    prefixes.add(prefix)
  }
  return Object.freeze(entries)
}

function readUpstream (given: string): UpstreamEntry {
  const entry = given.trim()
  const at = entry.indexOf('=')
  if (at === -1) throw wrongValue('UPSTREAMS', entry, 'is no entry; give a prefix and its upstream, like /users=http://users:3000')
  const prefix = entry.slice(0, at).trim()
  // The router would read `:` and `*` as a parameter and a wildcard, and some characters cannot stand in a request's path.
  if (!/^\/(?:[\w.~-]+(?:\/|$))*$/.test(prefix) || /\/\.\.?(?:\/|$)/.test(prefix)) {
    throw wrongValue('UPSTREAMS', entry, 'has a prefix that is no plain path; give one like /users')
  }
  const upstream = entry.slice(at + 1).trim()
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw wrongValue('UPSTREAMS', entry, 'has an upstream that is no http: or https: URL; give one like http://users:3000')
  }
  if (url.username !== '' || url.password !== '') {
    throw wrongValue('UPSTREAMS', prefix, 'has an upstream with a user or password in its URL, which would not be sent; leave them out')
  }
  if (url.search !== '' || url.hash !== '') {
    throw wrongValue('UPSTREAMS', entry, 'has an upstream with a query or fragment; give only origin and path')
  }
  return Object.freeze({ prefix: prefix.length > 1 ? prefix.replace(/\/$/, '') : prefix, upstream })
}
