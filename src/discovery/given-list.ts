import { optionError } from '../errors.js'
import { refuseUnknown } from '../options/unknown-names.js'
import { bareHost } from '../http/bare-host.js'
import { canonical } from './families.js'
import { addressId, type Found } from './source.js'

/** A list that makes sense: its endpoints, and the scheme that they all have. */
export interface GivenList { readonly found: readonly Found[], readonly protocol: 'http:' | 'https:' }

const LARGEST = 65_535
const NAMES = ['url', 'weight', 'priority', 'leaving', 'zone', 'group']

/**
 * Reads a list of endpoints that a user has written or made. Throws HOLDFAST_ERR_OPTION that names the element and the remedy; nothing of
 * such a list is used.
 *
 * @param option what the list is called in an error
 * @param scheme the scheme that all have to have; without one, the first one's
 */
export function readGivenList (list: unknown, option: string, scheme?: 'http:' | 'https:'): GivenList {
  if (!Array.isArray(list)) {
    throw optionError(option, list, 'is no list; give URLs like [\'http://10.0.0.1:3000\'], or objects like { url, weight, priority }')
  }
  let protocol = scheme
  const found = new Map<string, Found>()
  list.forEach((given: unknown, index) => {
    const name = `${option}[${index}]`
    const url = urlOf(given, name)
    protocol ??= url.protocol as 'http:' | 'https:'
    if (url.protocol !== protocol) {
      throw optionError(name, url.origin, `has another scheme than ${protocol}; give all endpoints of a target the same one`)
    }
    const endpoint = endpointOf(url, typeof given === 'string' ? {} : given as { [name: string]: unknown }, name)
    if (found.has(endpoint.id)) throw optionError(name, url.origin, 'is in the list twice; give one a weight instead')
    found.set(endpoint.id, endpoint)
  })
  return { found: [...found.values()], protocol: protocol ?? 'http:' }
}

function urlOf (given: unknown, name: string): URL {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) refuseUnknown(given, NAMES, `${name}.`)
  const value = typeof given === 'object' && given !== null ? (given as { url?: unknown }).url : given
  const example = 'give one like http://10.0.0.1:3000'
  if (typeof value !== 'string' || !URL.canParse(value)) throw optionError(name, value, `is no URL; ${example}`)
  const url = new URL(value)
  const { protocol, username, password, pathname, search, hash } = url
  if (/^unix\+https?:$/.test(protocol)) {
    throw optionError(name, value, 'is a unix socket, which cannot be one of several endpoints; give an address and a port')
  }
  if (/^(?:dns|srv|kubernetes)\+/.test(protocol)) {
    throw optionError(name, protocol, 'finds endpoints itself, and cannot be one of a list; give it alone, as upstream')
  }
  // Not shown: it may hold a password.
  if (username !== '' || password !== '') throw optionError(name, url.origin, 'has credentials, which would not be sent; leave them out')
  if (protocol !== 'http:' && protocol !== 'https:') throw optionError(name, protocol, `is not http: or https:; ${example}`)
  if (pathname !== '/' || search !== '' || hash !== '') {
    const remedy = 'has a path, a query or a fragment, which would not be sent; leave it out, and give rewritePrefix'
    throw optionError(name, url.origin + pathname, remedy)
  }
  return url
}

function endpointOf (url: URL, { weight, priority, leaving, zone, group }: { [name: string]: unknown }, name: string): Found {
  if (weight !== undefined && !(typeof weight === 'number' && weight > 0 && weight <= LARGEST)) {
    const remedy = `is no weight; give a number above 0, at most ${LARGEST}; leave an endpoint out that is to get no requests`
    throw optionError(`${name}.weight`, weight, remedy)
  }
  if (priority !== undefined && !(Number.isInteger(priority) && (priority as number) >= 0 && (priority as number) <= LARGEST)) {
    throw optionError(`${name}.priority`, priority, `is no priority; give a whole number from 0 to ${LARGEST}`)
  }
  if (leaving !== undefined && typeof leaving !== 'boolean') throw optionError(`${name}.leaving`, leaving, 'must be true or false')
  const texts = { zone, group }
  for (const [key, text] of Object.entries(texts)) {
    if (text !== undefined && typeof text !== 'string') throw optionError(`${name}.${key}`, text, 'must be a string')
  }
  const host = canonical(bareHost(url))
  const port = url.port === '' ? undefined : Number(url.port)
  return {
    id: addressId(host, port),
    host,
    port,
    weight: weight as number | undefined ?? 1,
    priority: priority as number | undefined ?? 0,
    leaving: leaving ?? false,
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined))
  }
}
