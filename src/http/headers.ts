/** A header section: names and values in turn, in the order in which they came. */
export type HeaderList = string[]
/** A header section by lower-case name; several lines of one name are an array. */
export type HeaderRecord = Record<string, string | string[]>

/** How a request reached this gateway. */
export interface Arrival {
  /** The address of whoever is at the other end of the socket; undefined behind a unix socket. */
  readonly peer: string | undefined
  /** Whether what the peer says of its own client is believed: Fastify's trustProxy. */
  readonly trusted: boolean
  readonly host: string
  readonly protocol: string
  /** Whether `Via` is to say that it has passed here: the route's `via`. Default: yes. */
  readonly via?: boolean
}

// RFC 9110 section 7.6.1, and the older names that mean one connection all the same.
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer',
  'transfer-encoding', 'upgrade', 'http2-settings'])
// Ours to say: the target's name, the framing of what is sent, and an expectation, which is the client's connection's.
const OURS = ['host', 'content-length', 'expect']
// What the gateway says about the client; a client that says it is not believed unless it is a trusted proxy.
const FORWARDED = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'forwarded'])
// The names of a request that are not passed on as they came, with those of HTTP/2's pseudo-headers. Most others differ in length or initial from
// all of these: they need not be looked up, or be written in lower case for it.
const HANDLED = new Set([...HOP_BY_HOP, ...OURS, ...FORWARDED, 'via', 'cdn-loop', 'cookie'])
const HANDLED_INITIALS = initialsByLength([...HANDLED, ':path', ':method', ':scheme', ':authority', ':protocol'])
const REMOVED_INITIALS = initialsByLength([...HOP_BY_HOP, '__proto__'])
const VIA = '1.1 holdfast'
const CDN_LOOP = 'holdfast'
const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]/g

/**
 * The headers to send to a backend, from those that came: hop-by-hop ones and what `Connection` nominates go first, and only
 * then are Via, CDN-Loop and X-Forwarded-* added, so that nothing a client nominates can remove them. Host, Content-Length and Expect
 * are left out: they follow from the target and the body. RFC 9110 sections 7.6.1 and 7.6.3, RFC 8586.
 *
 * @param raw names and values in turn, as node's `rawHeaders`
 * @param connection the `Connection` header as node joins it
 * @param set names, in lower case, whose values are the app's own: its hooks'. They are sent as they are, X-Forwarded-* too, which are not
 * added then; hop-by-hop ones, and what follows from the target and the body, are not. Names with `_` or `.` that a backend may read as
 * these, or as another line's, are dropped
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
 * The headers to send to a client, from those of a backend: hop-by-hop ones and what `Connection` nominates are gone, Via is
 * added, Set-Cookie lines stay lines. Bytes stay bytes: values are latin1, as node writes them.
 *
 * @param list with names in lower case
 * @param addVia whether `Via` is to say that it has passed here: the route's `via`
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
      // Assigned to an object, as Fastify does with every header, it would become what the others are inherited from.
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

/** A header section of the app's own making: what it must not say is left out, and an array is a line for each of its values. */
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
 * The lines of a header that the app has set: numbers and booleans as text, an array as a line for each value, null as an empty value. What no
 * header can be stays as it is, to be refused where the request is written.
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
  for (let i = 0; i < list.length; i += 2) {
    if (list[i]!.length === name.length && list[i]!.toLowerCase() === name) return true
  }
  return false
}

/** A header list by lower-case name, several lines of one name joined as node joins them. */
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

/** A response's headers of somebody's own making, without the characters that node refuses to write. */
export function toWritable (headers: HeaderRecord): HeaderRecord {
  for (const name of Object.keys(headers)) {
    const value: unknown = headers[name]
    if (typeof value === 'string') headers[name] = value.replace(UNWRITABLE, '')
    else if (Array.isArray(value)) headers[name] = value.map(line => typeof line === 'string' ? line.replace(UNWRITABLE, '') : line)
  }
  return headers
}

/** By length, the initials of names: a bit for each letter, in either case. */
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

// Letters differ in their last five bits, and only the sixth tells their case. What is no letter may be taken for one, and is looked up.
function initialOf (name: string): number {
  return 1 << (name.charCodeAt(0) & 31)
}

function nominatedBy (connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close' || connection === 'Keep-Alive') return undefined
  const names = new Set(connection.toLowerCase().split(',').map(token => token.trim()))
  // RFC 8586 section 2: it is never hop-by-hop, whatever a client says.
  names.delete('cdn-loop')
  return names
}

function union (a: Set<string> | undefined, b: Set<string> | undefined): Set<string> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  for (const name of b) a.add(name)
  return a
}

// HTTP/2 clients send a line a cookie; HTTP/1.1 has one line for all (RFC 9113 section 8.2.3).
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

// Whether a name could be one of `isClaim`, or imitate another. It is asked of each line: a regular expression would take three times as long.
function mayClaim (name: string): boolean {
  if ((name.charCodeAt(0) | LOWER) === X && (name.length === REAL_IP.length || (name.charCodeAt(2) | LOWER) === F)) return true
  return name.includes('_') || name.includes('.')
}

// Port, Prefix, Server, Ssl, Scheme, User, Client-Cert ...: whatever a backend may have been told to believe.
function isClaim (lower: string): boolean {
  return lower.startsWith('x-forwarded') || lower === REAL_IP
}

// CGI-like backends read `X_Forwarded_For` as X-Forwarded-For and `Content_Length` as Content-Length, and some a dot as they do the underscore.
function hyphenated (name: string): string {
  return name.replaceAll(/[_.]/g, '-')
}

// What an imitation could be read in the place of. A client may send what a hook is going to set, and then no hook is seen to have set it.
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
