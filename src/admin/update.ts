import { HoldfastError, optionError } from '../errors.js'
import { givenNames, refuseUnknown } from '../options/unknown-names.js'
import type { Target } from '../target/target.js'
import { Refusal } from './refusal.js'
import type { TargetPatch } from '../options/target-options.js'
import { nameOf, rowsOf } from '../options/table.js'

// Limits and times, and nothing that says where a target leads or whom it trusts: a token for this surface is not to be one for every unix
// socket of this machine, or a way to switch off the verification of a backend.
const namesOf = (group: string, live: boolean): string[] => rowsOf(group).filter(row => (row.live === 'admin') === live).map(row => nameOf(row.path))

/**
 * Changes a target's settings as a JSON value asks for, all of it or nothing; null stands for `Infinity`, as it does in what is answered.
 * Returns the change. Throws a Refusal for what cannot be, or may not be changed this way.
 */
export function updateTarget (target: Target, body: unknown): TargetPatch {
  try {
    const patch = patchOf(body)
    target.update(patch)
    return patch
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'HOLDFAST_ERR_OPTION') throw new Refusal(400, error.code, error.message)
    throw error
  }
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

function objectOf (value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw optionError(name, value, 'must be an object')
  return value as Record<string, unknown>
}
