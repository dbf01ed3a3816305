import { distance } from 'fastest-levenshtein'
import { wrongValue } from './environment-error.js'

const PRODUCTION = 'production'

/** Whether NODE_ENV says production. Throws EnvironmentError for a value that is near it: production is meant, and would have no effect. */
export function readProduction (value: string): boolean {
  if (value === PRODUCTION) return true
  const folded = value.trim().toLowerCase()
  // A longer word, like reproduction or production-eu, is a name of its own.
  if (folded === 'prod' || (folded.length <= PRODUCTION.length && distance(folded, PRODUCTION) <= 2)) {
    throw wrongValue('NODE_ENV', value, 'is not production, and has no effect; give production, or another name')
  }
  return false
}
