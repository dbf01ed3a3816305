import { faultOfName } from '../http/secret-names.js'
import type { MaskedNames } from '../http/secret-names.js'
import { wrongValue } from './environment-error.js'

/**
 * Reads LOG_MASK: names of parameters, separated by commas, or `false`. Undefined where it is not set. Throws EnvironmentError for a name
 * that is not possible.
 */
export function readMaskedNames (list: string): MaskedNames | undefined {
  const text = list.trim()
  if (text === '') return undefined
  if (text === 'false') return false
  const names = text.split(',').map(name => name.trim())
  for (const name of names) {
    const fault = faultOfName(name)
    if (fault !== undefined) throw wrongValue('LOG_MASK', name, fault)
  }
  return Object.freeze(names)
}
