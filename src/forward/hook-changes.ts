import { linesOf } from '../http/headers.js'
import type { HeaderList } from '../http/headers.js'
import { asNodeHas } from '../quirks/node-http-headers.js'

/** The header lines of a request as the app's hooks have left them. */
export interface HookedHeaders {
  /** Names and values in turn: the client's lines. A hook's line stands where the line was that it replaces, or at the end. */
  readonly lines: HeaderList
  /** The names, in lower case, whose values come from hooks. */
  readonly set: ReadonlySet<string>
  /** The client's own `Connection`. It counts even if a hook deletes it: that must not make a hop-by-hop header an end-to-end one. */
  readonly connection: string | undefined
}

type Hooked = Readonly<Record<string, unknown>>

const A = 65
const Z = 90
const TO_LOWER = 32

/**
 * Whether a request's headers object has exactly one property for each header line, with the same values in the same order. That is so for
 * most requests: no hook has changed a header, and no name came twice. Otherwise `hookChanges` finds out what has changed, if anything.
 */
export function isUntouched (raw: readonly string[], headers: Hooked): boolean {
  const names = Object.keys(headers)
  if (names.length * 2 !== raw.length) return false
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    if (headers[name] !== raw[i * 2 + 1] || !isNameOf(name, raw[i * 2]!)) return false
  }
  return true
}

// Character by character: `toLowerCase` would make a string for each line.
function isNameOf (lower: string, line: string): boolean {
  if (lower.length !== line.length) return false
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if ((code >= A && code <= Z ? code + TO_LOWER : code) !== lower.charCodeAt(i)) return false
  }
  return true
}

/**
 * What hooks have set, replaced or deleted in a request's headers object; undefined where it still has the values of the lines. The object
 * is compared with the lines: an object that records its changes would cost each request more.
 *
 * @param raw the client's lines
 * @param headers the object that Node made of them, in its present state
 * @param from what the result depends on. `http2`: whether the request came by HTTP/2. `joined`: whether `joinDuplicateHeaders` is set.
 *   `hiddenType`: the Content-Type that this gateway has removed from the object, which no hook has deleted. `again`: names that hooks are
 *   known to have set, even to the value that they had
 */
export function hookChanges (raw: readonly string[], headers: Hooked, from: { http2: boolean, joined: boolean, hiddenType: string | undefined, again?: ReadonlySet<string> | undefined }): HookedHeaders | undefined {
  const { again } = from
  const came = valuesByName(raw)
  // By name in lower case: the spelling of the hook and the values. No values: the hook has deleted the header.
  const changed = new Map<string, { name: string, values: string[] }>()
  for (const [name, values] of came) {
    const now = Object.hasOwn(headers, name) ? headers[name] ?? (name === 'content-type' ? from.hiddenType : undefined) : undefined
    if ((isSame(now, asNodeHas(name, values, from)) && again?.has(name) !== true) || !isVisible(name)) continue
    changed.set(name, { name, values: linesOf(name, now) })
  }
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase()
    // Node's names are in lower case. A name in another spelling comes from a hook, and replaces what the client sent.
    if ((name === lower && came.has(lower)) || !isVisible(lower)) continue
    changed.set(lower, { name, values: linesOf(lower, headers[name] ?? (name === 'content-type' ? from.hiddenType : undefined)) })
  }
  if (changed.size === 0) return undefined
  const set = new Set<string>()
  for (const [lower, { values }] of changed) if (values.length > 0) set.add(lower)
  return { lines: applied(raw, changed), set, connection: came.get('connection')?.join(', ') }
}

function valuesByName (raw: readonly string[]): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    const before = values.get(name)
    if (before === undefined) values.set(name, [raw[i + 1]!])
    else before.push(raw[i + 1]!)
  }
  return values
}

// A pseudo-header is not a header, and hooks cannot see `__proto__` in the object.
function isVisible (name: string): boolean {
  return !name.startsWith(':') && name !== '__proto__'
}

function isSame (now: unknown, before: string | string[]): boolean {
  if (now === before) return true
  return Array.isArray(now) && Array.isArray(before) && now.length === before.length && before.every((value, i) => now[i] === value)
}

function applied (raw: readonly string[], changed: ReadonlyMap<string, { name: string, values: string[] }>): HeaderList {
  const lines: HeaderList = []
  const left = new Map(changed)
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const lower = raw[i]!.toLowerCase()
    const change = changed.get(lower)
    if (change === undefined) lines.push(raw[i]!, raw[i + 1]!)
    // The change stands in the place of the first line, in the client's spelling.
    else if (left.delete(lower)) for (const value of change.values) lines.push(change.name === lower ? raw[i]! : change.name, value)
  }
  for (const { name, values } of left.values()) for (const value of values) lines.push(name, value)
  return lines
}
