/** A header section: names and values in turn, in the order of the message. */
export type HeaderList = string[]
/** A header section by lower-case name. Several lines of one name are an array. */
export type HeaderRecord = Record<string, string | string[]>

/** How a request reached this gateway. */
export interface Arrival {
  /** The address of the peer, which is the client or a proxy in front of this gateway; undefined for a unix socket. */
  readonly peer: string | undefined
  /** Whether the peer's X-Forwarded-* and Forwarded headers are trusted: Fastify's `trustProxy`. */
  readonly trusted: boolean
  readonly host: string
  readonly protocol: string
  /** Whether this gateway adds itself to `Via`: the route's `via`. Default: true. */
  readonly via?: boolean
}

// The hop-by-hop headers of RFC 9110 section 7.6.1, and older names that also concern one connection only.
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer',
  'transfer-encoding', 'upgrade', 'http2-settings'])
// The gateway decides these itself: the target's host, the length of the body it sends, and `Expect`, which concerns the client's
// connection.
const OURS = ['host', 'content-length', 'expect']
// The gateway writes these about the client. The client's own lines are used only if it is a trusted proxy.
const FORWARDED = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'forwarded'])
// The request headers that are not passed on unchanged. Most other names differ from all of these, and from HTTP/2's pseudo-headers, in
// length or first letter, so they need neither a look-up nor `toLowerCase`.
const HANDLED = new Set([...HOP_BY_HOP, ...OURS, ...FORWARDED, 'via', 'cdn-loop', 'cookie'])
const HANDLED_INITIALS = initialsByLength([...HANDLED, ':path', ':method', ':scheme', ':authority', ':protocol'])
const REMOVED_INITIALS = initialsByLength([...HOP_BY_HOP, '__proto__'])
const VIA = '1.1 holdfast'
const CDN_LOOP = 'holdfast'
const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]/g

/**
 * The headers to send to a backend, made from the client's headers. Hop-by-hop headers, and headers that `Connection` nominates, are
 * removed first. Via, CDN-Loop and X-Forwarded-* are added after that, so that a client cannot remove them by nominating them. Host,
 * Content-Length and Expect are left out: they follow from the target and the body. RFC 9110 sections 7.6.1 and 7.6.3, RFC 8586. A name
 * with `_` or `.` that a backend may read as one of these names, or as the name of another line, is dropped.
 *
 * @param raw names and values in turn, as Node's `rawHeaders`
 * @param connection the `Connection` header as Node joins it
 * @param set names, in lower case, that the app's hooks have set. They are sent as the hooks left them. An X-Forwarded-* header among them
 *   is
 *   not added again. Hop-by-hop headers, Host, Content-Length and Expect are removed all the same
 */
export function requestHeaders (raw: readonly string[], connection: string | undefined, arrival: Arrival, set?: ReadonlySet<string>): HeaderList {
  const nominated = nominatedBy(connection)
  const { peer, trusted, host, protocol } = arrival
  const out: HeaderList = []
  let forwardedFor = ''
  let forwarded = ''
  let via = ''
  let cdnLoop = ''
  let cookieAt = -1
  let others: Set<string> | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!
    const value = raw[i + 1]!
    if (nominated === undefined && set === undefined && !mayBeAmong(HANDLED_INITIALS, name) && !mayClaim(name)) {
      out.push(name, value)
      continue
    }
    const lower = name.toLowerCase()
    const own = set?.has(lower) === true
    if (!own && nominated?.has(lower) === true) continue
    if (!HANDLED.has(lower)) {
      if (own) {
        out.push(name, value)
        continue
      }
      if (lower.startsWith(':') || (!trusted && isClaim(lower))) continue
      if (MAY_IMITATE.test(lower)) {
        const read = hyphenated(lower)
        if (HANDLED.has(read) || isClaim(read) || (others ??= readNames(raw, set)).has(read)) continue
      }
      out.push(name, value)
    } else if (lower === 'cookie') {
      cookieAt = pushCookie(out, name, value, cookieAt)
    } else if (lower === 'via') {
      via = joined(via, value)
    } else if (lower === 'cdn-loop') {
      cdnLoop = joined(cdnLoop, value)
    } else if (own) {
      if (FORWARDED.has(lower)) out.push(name, value)
    } else if (lower === 'x-forwarded-for') {
      forwardedFor = joined(forwardedFor, value)
    } else if (lower === 'forwarded') {
      forwarded = joined(forwarded, value)
    }
  }
  if (arrival.via !== false) via = joined(via, VIA)
  if (via !== '') out.push('via', via)
  out.push('cdn-loop', joined(cdnLoop, CDN_LOOP))
  const clients = joined(trusted ? forwardedFor : '', peer ?? '')
  if (clients !== '' && set?.has('x-forwarded-for') !== true) out.push('x-forwarded-for', clients)
  if (host !== '' && set?.has('x-forwarded-host') !== true) out.push('x-forwarded-host', host)
  if (set?.has('x-forwarded-proto') !== true) out.push('x-forwarded-proto', protocol)
  if (trusted && forwarded !== '') out.push('forwarded', joined(forwarded, forwardedElement(arrival)))
  return out
}

/**
 * The headers to send to a client, made from the backend's headers. Hop-by-hop headers, and headers that `Connection` nominates, are
 * removed. Via is added. Set-Cookie lines stay separate lines. Values are latin1 text, so that each byte stays as it is.
 *
 * @param list names in lower case and values, in turn
 * @param addVia whether this gateway adds itself to `Via`: the route's `via`
 */
export function responseHeaders (list: HeaderList, addVia = true): HeaderRecord {
  const out: HeaderRecord = {}
  let nominated: Set<string> | undefined
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i]!
    const value = list[i + 1]!
    if (mayBeAmong(REMOVED_INITIALS, name)) {
      if (HOP_BY_HOP.has(name)) {
        if (name === 'connection') nominated = union(nominated, nominatedBy(value))
        continue
      }
      // Fastify assigns each header to an object: `__proto__` would replace the object's prototype.
      if (name === '__proto__') continue
    }
    const before = out[name]
    if (before === undefined || !Object.hasOwn(out, name)) out[name] = value
    else if (typeof before === 'string') out[name] = [before, value]
    else before.push(value)
  }
  if (nominated !== undefined) {
    for (const name of nominated) if (name !== 'content-length' && name !== 'set-cookie') Reflect.deleteProperty(out, name)
  }
  if (!addVia) return out
  const via = out['via']
  out['via'] = via === undefined ? VIA : joined(typeof via === 'string' ? via : via.join(', '), VIA)
  return out
}

/**
 * A header list from headers that the app has made. Headers that the app must not set are left out. An array becomes one line for each
 * value.
 */
export function toHeaderList (headers: Record<string, unknown>): HeaderList {
  const out: HeaderList = []
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase()
    const value = headers[name]
    if (value === undefined || lower === 'expect' || lower === 'content-length' || HOP_BY_HOP.has(lower)) continue
    for (const line of linesOf(lower, value)) out.push(name, line)
  }
  return out
}

/**
 * The lines of a header that the app has set. Numbers and booleans become text, an array becomes one line for each value, and null an empty
 * value. A value of any other type stays, and is refused when the request is written.
 *
 * @param name in lower case
 */
export function linesOf (name: string, value: unknown): string[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) return [asText(value)]
  return name === 'cookie' ? [value.map(asText).join('; ')] : value.map(asText)
}

function asText (value: unknown): string {
  if (value === null) return ''
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint' ? String(value) : value as string
}

/** Whether a header list has a name. @param name in lower case */
export function hasHeader (list: HeaderList, name: string): boolean {
  return firstValue(list, name) !== undefined
}

/** The value of the first line of a header; undefined where there is none. @param name in lower case */
export function firstValue (list: readonly string[], name: string): string | undefined {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i]!.length === name.length && list[i]!.toLowerCase() === name) return list[i + 1]
  }
  return undefined
}

/** A header list as a record by lower-case name. Several lines of one name are joined, cookies by `; ` and others by `, `. */
export function toHeaderRecord (list: HeaderList): Record<string, string> {
  const out: Record<string, string> = {}
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i]!.toLowerCase()
    const value = list[i + 1]!
    if (name === '__proto__') continue
    if (!Object.hasOwn(out, name)) out[name] = value
    else out[name] += name === 'cookie' ? `; ${value}` : `, ${value}`
  }
  return out
}

/** Removes the characters that Node refuses to write from response headers that the app has made. */
export function toWritable (headers: HeaderRecord): HeaderRecord {
  for (const name of Object.keys(headers)) {
    const value: unknown = headers[name]
    if (typeof value === 'string') headers[name] = value.replace(UNWRITABLE, '')
    else if (Array.isArray(value)) headers[name] = value.map(line => typeof line === 'string' ? line.replace(UNWRITABLE, '') : line)
  }
  return headers
}

/** For each length of a name, a bit for each first letter, in either case. */
function initialsByLength (names: readonly string[]): number[] {
  const initials: number[] = []
  for (const name of names) {
    while (initials.length <= name.length) initials.push(0)
    initials[name.length]! |= initialOf(name)
  }
  return initials
}

function mayBeAmong (initials: readonly number[], name: string): boolean {
  return name.length < initials.length && (initials[name.length]! & initialOf(name)) !== 0
}

// The last five bits tell letters apart, and the sixth bit is their case. Another character may share its bits with a letter; then the name
// is looked up, which is slower and still right.
function initialOf (name: string): number {
  return 1 << (name.charCodeAt(0) & 31)
}

function nominatedBy (connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close' || connection === 'Keep-Alive') return undefined
  const names = new Set(connection.toLowerCase().split(',').map(token => token.trim()))
  // RFC 8586 section 2: CDN-Loop is never hop-by-hop, even if a client nominates it.
  names.delete('cdn-loop')
  return names
}

function union (a: Set<string> | undefined, b: Set<string> | undefined): Set<string> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  for (const name of b) a.add(name)
  return a
}

// HTTP/2 clients may send each cookie on its own line; HTTP/1.1 has one line for all of them (RFC 9113 section 8.2.3).
function pushCookie (out: HeaderList, name: string, value: string, at: number): number {
  if (at === -1) return out.push(name, value) - 1
  out[at] += `; ${value}`
  return at
}

const MAY_IMITATE = /[_.]/
const X = 120
const F = 102
const LOWER = 32
const REAL_IP = 'x-real-ip'

// Whether a name may be one of `isClaim`, or may imitate another name. Called for each line: a regular expression takes three times as
// long.
function mayClaim (name: string): boolean {
  if ((name.charCodeAt(0) | LOWER) === X && (name.length === REAL_IP.length || (name.charCodeAt(2) | LOWER) === F)) return true
  return name.includes('_') || name.includes('.')
}

// All X-Forwarded-* names count (Port, Prefix, Server, Ssl, Scheme, User, Client-Cert ...): a backend may be set up to trust any of them.
function isClaim (lower: string): boolean {
  return lower.startsWith('x-forwarded') || lower === REAL_IP
}

// CGI-like backends read `X_Forwarded_For` as X-Forwarded-For and `Content_Length` as Content-Length. Some read a dot like an underscore.
function hyphenated (name: string): string {
  return name.replaceAll(/[_.]/g, '-')
}

// The names that a name with `_` or `.` could imitate: those that hooks have set, and those of the client's other lines. A client may send
// the very value that a hook sets, and then the change of the hook cannot be seen; so the client's names count too.
function readNames (raw: readonly string[], set: ReadonlySet<string> | undefined): Set<string> {
  const names = new Set(Array.from(set ?? [], hyphenated))
  for (let i = 0; i < raw.length; i += 2) if (!MAY_IMITATE.test(raw[i]!)) names.add(raw[i]!.toLowerCase())
  return names
}

function joined (list: string, value: string): string {
  if (list === '') return value
  return value === '' ? list : `${list}, ${value}`
}

function forwardedElement ({ peer, host, protocol }: Arrival): string {
  const node = peer === undefined ? 'unknown' : peer.includes(':') ? `"[${peer}]"` : peer
  return `for=${node};host="${host.replaceAll(/["\\]/g, '')}";proto=${protocol}`
}
