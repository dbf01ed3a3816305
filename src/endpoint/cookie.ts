// A client may send a cookie of one name several times: for several paths, or because another host of its domain has set one.
const MOST_VALUES = 8

/**
 * The values of a cookie, in the order of the header (RFC 6265 section 5.4: the most specific path first), at most eight. Quotes around a
 * value are part of it. It searches for the name and reads no other cookie, in time in proportion to the header's length.
 *
 * @param header the `Cookie` header; several lines are joined by `; `
 * @param name a token
 */
export function cookieValues (header: string, name: string): string[] {
  const values: string[] = []
  for (let at = header.indexOf(name); at !== -1 && values.length < MOST_VALUES; at = header.indexOf(name, at + name.length)) {
    const equals = at + name.length
    if (header[equals] !== '=' || !beginsPair(header, at)) continue
    const semicolon = header.indexOf(';', equals)
    values.push(header.slice(equals + 1, semicolon === -1 ? undefined : semicolon).trim())
  }
  return values
}

// Only white space is between the start of a pair and the semicolon before it. At most two characters of it are looked at, since clients
// send one; a header with more is read as one without this cookie.
function beginsPair (header: string, at: number): boolean {
  let before = at - 1
  for (let n = 0; n < 2 && (header[before] === ' ' || header[before] === '\t'); n++) before--
  return before < 0 || header[before] === ';'
}

/** The attributes of a cookie that a gateway sets. */
export interface CookieAttributes {
  /** Default: `/`. */
  readonly path?: string
  /** Default: true. */
  readonly httpOnly?: boolean
  /** Default: `Lax`. `None` needs `secure`. */
  readonly sameSite?: 'Strict' | 'Lax' | 'None'
  /** Only over TLS. The caller knows whether its client came that way. Default: false. */
  readonly secure?: boolean
}

/** The value of a `Set-Cookie` header: a cookie that lasts until the browser is closed. */
export function setCookie (name: string, value: string, attributes: CookieAttributes = {}): string {
  const { path = '/', httpOnly = true, sameSite = 'Lax', secure = false } = attributes
  return `${name}=${value}; Path=${path}${httpOnly ? '; HttpOnly' : ''}; SameSite=${sameSite}${secure ? '; Secure' : ''}`
}
