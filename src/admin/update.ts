import { optionError } from '../errors.js'
import { givenNames, refuseUnknown } from '../options/unknown-names.js'
import type { Target } from '../target/target.js'
import { orRefusal } from './refusal.js'
import type { TargetPatch } from '../options/target-options.js'
import { nameOf, rowsOf } from '../options/table.js'

// Limits and times can be changed, but not where a target connects to or what it trusts: the admin token must not give access to every unix
// socket of the machine, or switch off the verification of a backend.
const namesOf = (group: string, live: boolean): string[] => rowsOf(group).filter(row => (row.live === 'admin') === live).map(row => nameOf(row.path))

/**
 * Changes a target's options by a JSON value: all of them or, where one is refused, none. null stands for `Infinity`, as in the API's
 * answers. Returns the change. Throws a Refusal for a value that is not possible, and for an option that cannot be changed over HTTP.
 */
export function updateTarget (target: Target, body: unknown): TargetPatch {
  return orRefusal(() => {
    const patch = patchOf(body)
    target.update(patch)
    return patch
  })
}

function patchOf (body: unknown): TargetPatch {
  const given = objectOf(body, 'The body')
  refuseUnknown(given, ['undiciOptions', 'pool'], '')
  if (givenNames(given).length === 0) throw optionError('The body', body, 'changes nothing; give undiciOptions or pool')
  return {
    ...('undiciOptions' in given ? { undiciOptions: numbersOf(given['undiciOptions'], 'undiciOptions') } : undefined),
    ...('pool' in given ? { pool: numbersOf(given['pool'], 'pool') } : undefined)
  }
}

function numbersOf (value: unknown, group: string): Record<string, number> {
  const given = objectOf(value, group)
  const fixed = namesOf(group, false)
  refuseUnknown(given, [...namesOf(group, true), ...fixed], `${group}.`)
  const numbers: Record<string, number> = {}
  for (const name of givenNames(given)) {
    const value = given[name]
    if (fixed.includes(name)) throw optionError(`${group}.${name}`, value, 'is not to be changed over HTTP')
    if (value !== null && typeof value !== 'number') throw optionError(`${group}.${name}`, value, 'is no number, nor null for no limit')
    numbers[name] = value ?? Infinity
  }
  return numbers
}

/** The value, if it is an object. Throws HOLDFAST_ERR_OPTION otherwise. */
export function objectOf (value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw optionError(name, value, 'must be an object')
  return value as Record<string, unknown>
}
