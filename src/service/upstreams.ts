import { EnvironmentError, wrongValue } from './environment-error.js'
import { readEntry } from './upstream-entry.js'
import type { UpstreamEntry } from './upstream-entry.js'

// The microservice answers these itself, whatever UPSTREAMS says.
const HEALTH = ['/health/live', '/health/ready']

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
    throw new EnvironmentError('UPSTREAMS: is JSON; give prefix=upstream, separated by commas, like /users=http://users:3000,/=http://web:8080')
  }
  const where = /^\s*,/.test(list) ? 'begins with a comma' : /,\s*$/.test(list) ? 'ends with a comma' : /,\s*,/.test(list) ? 'has two commas in a row' : ''
  if (where !== '') throw new EnvironmentError(`UPSTREAMS: ${where}; remove it, or add the entry that is missing`)
}

function checkPrefixes (entries: readonly UpstreamEntry[]): void {
  const prefixes = new Map<string, string>()
  for (const { prefix } of entries) {
    const folded = prefix.toLowerCase()
    const other = prefixes.get(folded)
    if (other === prefix) {
      throw wrongValue('UPSTREAMS', prefix, 'is there twice; a prefix has one upstream: for several, give the URL of a load balancer in front of them')
    }
    if (other !== undefined) {
      throw wrongValue('UPSTREAMS', prefix, `is there as ${JSON.stringify(other)} too, and requests are told apart by case; leave one of them out`)
    }
    if (HEALTH.includes(prefix)) throw wrongValue('UPSTREAMS', prefix, 'is a path that the gateway answers itself; give the upstream another prefix')
    if (HEALTH.some(path => path.startsWith(`${prefix}/`))) {
      throw wrongValue('UPSTREAMS', prefix, `lies over ${HEALTH.join(' and ')}, which the gateway answers itself; give the upstream another prefix`)
    }
    prefixes.set(folded, prefix)
  }
}
