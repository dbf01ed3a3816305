import { secretNames } from './secret-names.js'
import type { IsSecret, MaskedNames } from './secret-names.js'

/** Stands in the place of a secret. */
export const MASK = '***'

// What separates parameters may be percent-encoded, once for each URL that the parameter is nested in: `?`, `%3F`, `%253F` ...
const EQUALS = /=|%(?:25)*3d/gi
const VALUE_END = /[&#]|%(?:25)*2[36]/gi
// In a path, RFC 3986 section 3.3.
const SEGMENT_END = /[&#;/?]|%(?:25)*2[36]/gi
const ENCODED_START = /%(?:25)*(?:2[36f]|3[bf])/iy
const STARTS = new Set(['?', '&', ';', '#', '/'])
const NESTED_ESCAPE = /%(?:25)+(?=[\da-f]{2})/gi
const ASCII_ESCAPE = /%([0-7][\da-f])/gi
const AUTHORITY = /(?:\/|%(?:25)*2f){2,}/gi
const AUTHORITY_END = /[/?#&\\]|%(?:25)*(?:2[36f]|3f)/gi
const COLON = /:|%(?:25)*3a/i
const AT = /@|%(?:25)*40/gi
const USERINFO = /^([^:@]*:).+(?=@)/s
// Of what a client sends in one URL, no more is compared with the names of secrets. The rest is masked whole.
const MOST_NAMES = 256
const LONGEST_NAME = 64

/**
 * A URL, or a path with its query, in which `***` stands in place of each secret: the value of a parameter with a name of a secret, and the
 * password before a host. A URL without a secret is returned as it is. Takes time that is linear in the URL's length, and never throws.
 *
 * Parameters begin behind `?`, `&`, `;`, `#` and `/`: in the query, in a segment of the path, in the fragment, and in a URL that is
 * percent-encoded in a value. A secret in a query ends at `&` or `#`: `;` may be a part of it. The value of a name of more than 64
 * characters is masked, and so is all behind the 256th name.
 *
 * @param names added to the default ones, or taken out of them by `!`; false or an empty list: nothing is masked
 */
export function maskUrl (url: string, names?: MaskedNames): string {
  const isSecret = secretNames(names)
  return isSecret === undefined ? url : masked(url, isSecret)
}

/** A value of `Host` that has a password before the host, as no valid one has, with `***` in its place. */
export function maskHost (host: string, names?: MaskedNames): string {
  return host.includes('@') && secretNames(names) !== undefined ? host.replace(USERINFO, `$1${MASK}`) : host
}

/** The same as `maskUrl`, with the names as `secretNames` has made them. */
export function masked (url: string, isSecret: IsSecret): string {
  if (!mayHaveSecret(url)) return url
  const shown = url.includes('@') || url.includes('%') ? withoutPasswords(url) : url
  return withoutValues(shown, isSecret)
}

/** Whether a text has one of the characters that each masked secret stands beside. */
export function mayHaveSecret (text: string): boolean {
  return text.includes('=') || text.includes('%') || text.includes('@')
}

function withoutValues (url: string, isSecret: IsSecret): string {
  const question = url.indexOf('?')
  let result = ''
  let copied = 0
  let names = 0
  // Where the last parameter ended: each character is looked at once on the way back from `=`.
  let floor = 0
  EQUALS.lastIndex = 0
  for (let match = EQUALS.exec(url); match !== null; match = EQUALS.exec(url)) {
    const at = match.index
    const from = EQUALS.lastIndex
    const name = url.slice(nameStart(url, floor, at), at)
    floor = from
    if (name === '') continue
    if (++names > MOST_NAMES) return `${result}${url.slice(copied, from)}${from < url.length ? MASK : ''}`
    const plain = decoded(name)
    if (plain.length <= LONGEST_NAME && !isSecret(plain)) continue
    const end = endBelow(question === -1 || at < question ? SEGMENT_END : VALUE_END, url, from, depthOf(match[0]))
    if (end > from) {
      result += url.slice(copied, from) + MASK
      copied = end
    }
    floor = EQUALS.lastIndex = end
  }
  return copied === 0 ? url : result + url.slice(copied)
}

function nameStart (url: string, floor: number, at: number): number {
  for (let i = at - 1; i >= floor; i--) {
    const character = url[i]!
    if (STARTS.has(character)) return i + 1
    if (character !== '%') continue
    ENCODED_START.lastIndex = i
    if (ENCODED_START.test(url) && ENCODED_START.lastIndex <= at) return ENCODED_START.lastIndex
  }
  return floor
}

/** The first match from a place on that is encoded at most `depth` times; else the end. */
function endBelow (ends: RegExp, text: string, from: number, depth: number): number {
  ends.lastIndex = from
  for (let match = ends.exec(text); match !== null; match = ends.exec(text)) {
    if (depthOf(match[0]) <= depth) return match.index
  }
  return text.length
}

/** How often a separator is percent-encoded: 0 for `&`, 1 for `%26`, 2 for `%2526`. */
function depthOf (separator: string): number {
  return (separator.length - 1) / 2
}

function decoded (name: string): string {
  if (!name.includes('%')) return name
  const once = name.replaceAll(NESTED_ESCAPE, '%')
  try {
    return decodeURIComponent(once)
  } catch {
    // Some servers decode what can be decoded.
    return once.replaceAll(ASCII_ESCAPE, (_escape, digits: string) => String.fromCharCode(parseInt(digits, 16)))
  }
}

function withoutPasswords (url: string): string {
  let result = ''
  let copied = 0
  AUTHORITY.lastIndex = 0
  for (let match = AUTHORITY.exec(url); match !== null; match = AUTHORITY.exec(url)) {
    const from = AUTHORITY.lastIndex
    const end = endBelow(AUTHORITY_END, url, from, Infinity)
    AUTHORITY.lastIndex = end
    const authority = url.slice(from, end)
    const at = lastAt(authority)
    const colon = COLON.exec(authority)
    if (colon === null || at <= colon.index + colon[0].length) continue
    result += url.slice(copied, from + colon.index + colon[0].length) + MASK
    copied = from + at
  }
  return copied === 0 ? url : result + url.slice(copied)
}

function lastAt (authority: string): number {
  let last = -1
  for (const { index } of authority.matchAll(AT)) last = index
  return last
}
