const A_URL = /^[a-z][a-z\d+.-]*:\/\//i
const PLAIN = /^\/(?:[\w.~-]+(?:\/|$))*$/
const DOTS = /\/\.\.?(?:\/|$)/

/** What is wrong with the prefix of an entry of UPSTREAMS, as the rest of a sentence; undefined for one that can be. */
export function prefixFault (prefix: string, upstream: string): string | undefined {
  if (isPlainPath(prefix)) return undefined
  if (prefix === '') return `has no prefix; write /${upstreamOr(upstream)}, or give a path in front of the =`
  if (A_URL.test(prefix)) {
    return upstream.startsWith('/')
      ? 'has its prefix and its upstream swapped; write the prefix first, like /users=http://users:3000'
      : 'has a URL for its prefix; a request\'s path alone chooses the upstream: give a path, like /users'
  }
  if (!prefix.startsWith('/')) return withoutSlash(prefix, upstream)
  if (prefix.includes('*')) {
    return `has a wildcard in its prefix, and a prefix takes every path below it; leave the * out, like ${beforeWildcard(prefix)}`
  }
  if (/[:{}]/.test(prefix)) return 'has a parameter in its prefix; only a file in routes/ can have one: give a path like /users'
  const decoded = decodedOf(prefix)
  if (decoded !== prefix && isPlainPath(decoded)) return `has a percent-encoded prefix; write it decoded: ${decoded}`
  return 'has a prefix that is no plain path; letters, digits and - . _ ~ may stand between its slashes, like /users'
}

function withoutSlash (prefix: string, upstream: string): string {
  if (/[.:]/.test(prefix)) return 'has a host for its prefix; a request\'s path alone chooses the upstream: give a path, like /users'
  return isPlainPath(`/${prefix}`)
    ? `has a prefix without a slash in front; write /${prefix}${upstreamOr(upstream)}`
    : 'has a prefix that is no plain path; give one like /users'
}

/** Whether a path can be a prefix, and a route, as it is written. */
export function isPlainPath (path: string): boolean {
  // The router would read `:` and `*` as a parameter and a wildcard, and some characters cannot stand in a request's path.
  return PLAIN.test(path) && !DOTS.test(path)
}

function upstreamOr (upstream: string): string {
  return /^https?:\/\/[\w.:-]+\/?$/i.test(upstream) ? `=${upstream}` : '=http://users:3000'
}

function beforeWildcard (prefix: string): string {
  const path = prefix.split('*', 1)[0]!.replace(/\/$/, '') || '/'
  return isPlainPath(path) ? path : '/users'
}

function decodedOf (prefix: string): string {
  try {
    return decodeURIComponent(prefix)
  } catch {
    return prefix
  }
}
