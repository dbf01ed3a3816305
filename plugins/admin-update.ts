import { optionError } from '../src/errors.js'
import { givenNames, refuseUnknown } from '../src/options.js'
import type { PoolOptions, TargetOptions, UndiciOptions } from '../src/options.js'

// Limits and times, and nothing that says where a target leads or whom it trusts: a token for this surface is not to be one for every unix
// socket of this machine, or a way to switch off the verification of a backend.
const UNDICI_NAMES = ['connections', 'keepAliveTimeout', 'keepAliveMaxTimeout', 'keepAliveTimeoutThreshold', 'headersTimeout', 'bodyTimeout'] as const satisfies (keyof UndiciOptions)[]
const FIXED_NAMES = ['connect', 'pipelining', 'localAddress', 'socketPath', 'maxHeaderSize', 'maxResponseSize'] as const satisfies (keyof UndiciOptions)[]
const POOL_NAMES = ['maxRequestsPerConnection', 'maxConnectionAge', 'maxPending', 'pendingTimeout', 'maxDials', 'connectRetry', 'maxUpgraded'] as const satisfies (keyof PoolOptions)[]

/**
 * The change of a target's settings that a JSON value asks for; null stands for `Infinity`, as it does in what is answered. Throws
 * HOLDFAST_ERR_OPTION for what may not be changed this way. Whether the values can be is for the target to say.
 */
export function updatePatch (body: unknown): Pick<TargetOptions, 'undiciOptions' | 'pool'> {
  const given = objectOf(body, 'The body')
  refuseUnknown(given, ['undiciOptions', 'pool'], '')
  if (givenNames(given).length === 0) throw optionError('The body', body, 'changes nothing; give undiciOptions or pool')
  return {
    ...('undiciOptions' in given ? { undiciOptions: numbersOf(given['undiciOptions'], 'undiciOptions', UNDICI_NAMES, FIXED_NAMES) } : undefined),
    ...('pool' in given ? { pool: numbersOf(given['pool'], 'pool', POOL_NAMES, []) } : undefined)
  }
}

function numbersOf (value: unknown, group: string, names: readonly string[], fixed: readonly string[]): Record<string, number> {
  const given = objectOf(value, group)
  refuseUnknown(given, [...names, ...fixed], `${group}.`)
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
