import { EnvironmentError, wrongValue } from './environment-error.js'
import { readEntry } from './upstream-entry.js'
import type { UpstreamEntry } from './upstream-entry.js'

/** The paths that the microservice answers itself, whatever UPSTREAMS says. */
export const HEALTH_PATHS = ['/health/live', '/health/ready']
const FAULTS_OF_COMMAS: readonly (readonly [expression: RegExp, fault: string])[] = [
  [/^\s*,/, 'begins with a comma; remove it'],
  [/,\s*$/, 'ends with a comma; remove it'],
  [/,\s*,/, 'has two commas in a row; remove one']
]
const ANOTHER = 'give the upstream another prefix'

/** Reads the entries of UPSTREAMS. Throws EnvironmentError for the first fault; the message has no password and no query. */
export function readUpstreams (list: string): readonly UpstreamEntry[] {
  if (list.trim() === '') return []
  checkForm(list)
  const entries = list.split(',').map(entry => readEntry(entry.trim(), list))
  checkPrefixes(entries)
  return Object.freeze(entries)
}

function checkForm (list: string): void {
  if (/^\s*(?:\[\s*["'{\]]|\{\s*["'}])/.test(list)) {
    throw new EnvironmentError(
      'UPSTREAMS: is JSON; give prefix=upstream, separated by commas, like /users=http://users:3000,/=http://web:8080'
    )
  }
  const fault = FAULTS_OF_COMMAS.find(([expression]) => expression.test(list))
  if (fault !== undefined) throw new EnvironmentError(`UPSTREAMS: ${fault[1]}, or add the entry that is missing`)
}

function checkPrefixes (entries: readonly UpstreamEntry[]): void {
  const prefixes = new Map<string, string>()
  for (const { prefix } of entries) {
    const folded = prefix.toLowerCase()
    const other = prefixes.get(folded)
    if (other === prefix) {
      const why = `is there twice; for several backends, write one entry: ${prefix}=http://a:3000|http://b:3000`
      throw wrongValue('UPSTREAMS', prefix, why)
    }
    if (other !== undefined) {
      const why = `is there as ${JSON.stringify(other)} too, and requests are told apart by case`
      throw wrongValue('UPSTREAMS', prefix, `${why}; leave one of them out`)
    }
    if (HEALTH_PATHS.includes(prefix)) throw wrongValue('UPSTREAMS', prefix, `is a path that the gateway answers itself; ${ANOTHER}`)
    if (HEALTH_PATHS.some(path => path.startsWith(`${prefix}/`))) {
      throw wrongValue('UPSTREAMS', prefix, `lies over ${HEALTH_PATHS.join(' and ')}, which the gateway answers itself; ${ANOTHER}`)
    }
    prefixes.set(folded, prefix)
  }
}
