import { asNodeHas } from '../quirks/node-http-headers.js'
import { linesOf } from './headers.js'
import type { HeaderList } from './headers.js'

/** The lines of a request as hooks of the app have left them. */
export interface HookedHeaders {
  /** Names and values in turn: the client's lines, with those of hooks in the place of what they replaced, or at the end. */
  readonly lines: HeaderList
  /** The names, in lower case, whose values are the hooks'. */
  readonly set: ReadonlySet<string>
  /** The client's own `Connection`: a hook that deletes it makes no hop-by-hop header an end-to-end one. */
  readonly connection: string | undefined
}

type Hooked = Readonly<Record<string, unknown>>

const A = 65
const Z = 90
const TO_LOWER = 32

/**
 * Whether the object of a request's headers says what its lines say, and each line has its property, in the same order. That is so where no hook
 * has touched any header and no name came twice: most often. Where it is not so, `hookChanges` finds out what has changed, if anything.
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
 * What hooks have set, replaced or deleted in the object of a request's headers, or undefined where that says what its lines say.
 * It is found by comparing: an object that tells of its changes would cost each request more than this does.
 *
 * @param raw the lines as they came
 * @param headers the object that node made of them, as it is now
 * @param from the HTTP version that they came by; whether node was told to join what it otherwise drops; the Content-Type that this gateway
 * has hidden, if any: no hook has deleted that; names that hooks are known to have set, be it to what they were
 */
export function hookChanges (raw: readonly string[], headers: Hooked, from: { http2: boolean, joined: boolean, hiddenType: string | undefined, again?: ReadonlySet<string> | undefined }): HookedHeaders | undefined {
  const { again } = from
  const came = valuesByName(raw)
  // By name in lower case: how a hook spells it, and its values; none where it was deleted.
  const changed = new Map<string, { name: string, values: string[] }>()
  for (const [name, values] of came) {
    const now = Object.hasOwn(headers, name) ? headers[name] ?? (name === 'content-type' ? from.hiddenType : undefined) : undefined
    if ((isSame(now, asNodeHas(name, values, from)) && again?.has(name) !== true) || !isVisible(name)) continue
    changed.set(name, { name, values: linesOf(name, now) })
  }
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase()
    // Node's are in lower case: another spelling is a hook's, and replaces what the client sent.
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

// A pseudo-header is none; and what an object cannot have no hook has seen.
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
    // In the place of the first one, spelled as the client spelled it.
    else if (left.delete(lower)) for (const value of change.values) lines.push(change.name === lower ? raw[i]! : change.name, value)
  }
  for (const { name, values } of left.values()) for (const value of values) lines.push(name, value)
  return lines
}
