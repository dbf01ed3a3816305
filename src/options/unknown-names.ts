import { distance } from 'fastest-levenshtein'
import { optionError } from '../errors.js'
import { REPLY_OPTION_NAMES } from './reply-option-names.js'
import { GROUPS, TABLE, groupOf, nameOf } from './table.js'
import type { OptionRow } from './table.js'

// Names of what may be a secret: its value is in no message.
const SECRET = /key$|pass|secret|token|credential|auth|pfx|cert/i
// Own keys of a parsed JSON text that would reach an object's machinery if copied by assignment.
const MACHINERY = new Set(['__proto__', 'constructor', 'prototype'])

/** Own, enumerable, given (not undefined) options, by name: what options say, and nothing that a prototype says. */
export function givenNames (options: object): string[] {
  return Object.keys(options).filter(name => !MACHINERY.has(name) && (options as Record<string, unknown>)[name] !== undefined)
}

/** Refuses a name that is none of `known`, naming the closest one, what a foreign name is called here, or the place of an option. */
export function refuseUnknown (options: object, known: Iterable<string>, where: string): void {
  const names = new Set(known)
  for (const name of givenNames(options)) {
    if (names.has(name)) continue
    const hint = meant(ownNameOf(name)) ?? placeOf(name, names, where) ?? meant(closest(name, names))
    const value = (options as Record<string, unknown>)[name]
    throw optionError(`${where}${name}`, SECRET.test(name) ? '***' : value, `is unknown${hint === undefined ? '' : `; ${hint}`}`)
  }
}

function meant (right: string | undefined): string | undefined {
  return right === undefined ? undefined : `did you mean ${right}?`
}

const PLACES: readonly Pick<OptionRow, 'path' | 'place'>[] = [
  ...TABLE, ...GROUPS, ...REPLY_OPTION_NAMES.map(name => ({ path: `replyOptions.${name}`, place: 'route' as const }))
]

/** Where an option of this name belongs that was given in another group, or to the other plugin. */
function placeOf (name: string, known: Set<string>, where: string): string | undefined {
  const elsewhere = PLACES.filter(({ path }) => nameOf(path).toLowerCase() === name.toLowerCase() && `${groupOf(path)}.` !== where)
  const here = elsewhere.find(({ path, place }) => where === '' ? path.includes('.') && known.has(path.split('.')[0]!) : place === 'gateway and route')
  if (here !== undefined) return meant(here.path)
  const other = elsewhere.find(({ place }) => place !== 'gateway and route')
  // It is known here in another case.
  if (other === undefined || known.has(nameOf(other.path))) return undefined
  const plugin = other.place === 'gateway' ? 'gateway' : 'proxy'
  return other.path === name ? `it is an option of ${plugin}` : `it is ${other.path}, an option of ${plugin}`
}

/** The known name that differs in the fewest letters; undefined where each differs in more than a typing error explains. */
export function closest (name: string, known: Set<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.ceil(name.length / 3)) + 1
  for (const candidate of known) {
    const far = distance(name.toLowerCase(), candidate.toLowerCase())
    if (far < least) { least = far; best = candidate }
  }
  return best
}

/** What a name of another system's is called here; with those that stand for two, both. */
function ownNameOf (foreign: string): string | undefined {
  const paths = TABLE.filter(({ elsewhere = {} }) => Object.values(elsewhere).flat().includes(foreign)).map(({ path }) => path)
  const [first, ...others] = paths
  if (first === undefined) return undefined
  return [first, ...others.map(path => groupOf(path) === groupOf(first) ? nameOf(path) : path)].join(' and ')
}
