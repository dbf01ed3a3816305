import { cookieValues } from './cookie.js'
import type { SealedEndpoints } from './sealed-endpoint.js'

/** A cookie that was accepted. */
export interface Bond {
  /** Of the endpoint. */
  readonly id: string
  /** Whether the cookie should be set again, since an old secret has sealed it. */
  readonly renew: boolean
}

/**
 * The endpoint that a request is bound to by its cookie; undefined for none. A value that is forged, or names an endpoint that is gone, is
 * ignored: the request is served as one without the cookie. If the header has several values, the first genuine one counts.
 *
 * @param header the `Cookie` header
 * @param isKnown whether the target has an endpoint with this id. Whether it may get bound requests (`takesBound`) is asked later: if
 *   not, the request is bound anew
 */
export function bondOf (
  header: string | undefined, cookie: string, sealed: SealedEndpoints, isKnown: (id: string) => boolean
): Bond | undefined {
  if (header === undefined) return undefined
  for (const value of cookieValues(header, cookie)) {
    const bond = sealed.open(value, isKnown)
    if (bond !== undefined) return bond
  }
  return undefined
}

/** The key of a header for the hash; undefined where the header is missing or empty, and the request may go anywhere. */
export function headerKey (value: string | readonly string[] | undefined): string | undefined {
  const text = typeof value === 'string' ? value : value?.join(', ')
  return text === undefined || text === '' ? undefined : text
}

/**
 * The key of a client's address for the hash, the same for an IPv4 address and its form in IPv6 (RFC 4291 section 2.5.5.2), since a server
 * that listens on both families sees either. A scope (`%eth0`) belongs to this machine, and is left out.
 */
export function addressKey (address: string | undefined): string | undefined {
  if (address === undefined || address === '') return undefined
  const lower = address.toLowerCase()
  const scope = lower.indexOf('%')
  const plain = scope === -1 ? lower : lower.slice(0, scope)
  return plain.startsWith('::ffff:') && plain.includes('.') ? plain.slice('::ffff:'.length) : plain
}
