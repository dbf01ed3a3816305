import { sameValue } from '../options/same-value.js'
import { resolveTargetOptions } from '../options/target-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { endpointCount, hasSeveral } from './endpoints.js'
import { hostOf, isAddress } from './private-host.js'
import type { CheckedApp, CheckedTarget, SettingsRule, TargetRule } from './rule.js'

// The backend's own failures. A client can make a backend answer any other status.
const FIRST_OF_BACKENDS = 500
const DEFAULTS = resolveTargetOptions({}, {})

/** Rules about settings of endpoints that need nothing else. */
export const ENDPOINT_SETTINGS_RULES = [
  {
    id: 'ejection-by-clients',
    severity: 'warning',
    looksAt: 'ejection.statuses',
    when: 'it has a status below 500',
    why: 'Clients choose what they ask for: with requests that are answered so, one client takes endpoints out, up to maxEjected.',
    remedy: 'Give ejection.statuses the statuses of a backend that is broken, like [502, 503], or leave it out.',
    atRegister: true,
    ofSettings: ({ ejection }) => {
      const statuses = ejection === false ? [] : (ejection?.statuses ?? []).filter(status => status < FIRST_OF_BACKENDS)
      return statuses.length === 0 ? undefined : `ejection.statuses: ${statuses.join(', ')}`
    }
  }
] as const satisfies readonly SettingsRule[]

/** Rules about targets of several endpoints, and about settings that only those have a use for. */
export const ENDPOINT_RULES = [
  {
    id: 'ejection-off',
    severity: 'warning',
    looksAt: 'ejection, healthCheck',
    when: 'a target of several endpoints has neither: ejection is false, or ejection.maxEjected is 0',
    why: 'An endpoint that fails keeps its share of the requests. Only one that refuses connections is passed over.',
    remedy: 'Leave ejection out, or give a healthCheck.',
    ofTarget: target => {
      const { ejection, healthCheck } = target.options
      if (!hasSeveral(target) || healthCheck !== undefined) return undefined
      if (ejection === false) return 'ejection: false'
      return ejection.maxEjected === 0 ? 'ejection.maxEjected: 0' : undefined
    }
  },
  {
    id: 'ejection-of-all',
    severity: 'warning',
    looksAt: 'ejection.maxEjected',
    when: 'it is 1, for a target of several endpoints',
    why: 'A fault that all of them share, like their database or a bad release, ejects all but the last, which then gets every request.',
    remedy: 'Leave ejection.maxEjected out (0.5).',
    ofTarget: target => target.options.ejection !== false && target.options.ejection.maxEjected === 1 && hasSeveral(target)
      ? 'ejection.maxEjected: 1'
      : undefined
  },
  {
    id: 'slow-start-outlasts-ejection',
    severity: 'warning',
    looksAt: 'slowStart, ejection.time',
    when: 'slowStart is the longer one',
    why: 'The memory of an ejection fades before the endpoint has its whole share again: one that fails under load comes back, and ' +
      'fails, again and again.',
    remedy: 'Lower slowStart below ejection.time, or raise ejection.time.',
    ofTarget: target => {
      const { slowStart, ejection, balance } = target.options
      return ejection !== false && slowStart > ejection.time && balance !== 'hash' && hasSeveral(target)
        ? `slowStart: ${slowStart}, ejection.time: ${ejection.time}`
        : undefined
    }
  },
  {
    id: 'slow-start-with-hash',
    severity: 'warning',
    looksAt: 'slowStart, balance',
    when: 'slowStart is above 0, and balance is \'hash\'',
    why: 'slowStart has no effect: gateways that have known an endpoint for different times would send one key to different endpoints.',
    remedy: 'Leave slowStart out, or choose another balance.',
    ofTarget: ({ options: { slowStart, balance } }) => slowStart > 0 && balance === 'hash'
      ? `slowStart: ${slowStart}, balance: 'hash'`
      : undefined
  },
  {
    id: 'affinity-without-hash',
    severity: 'warning',
    looksAt: 'affinity, balance',
    when: 'affinity is a header or the client\'s address, and balance is not \'hash\'',
    why: 'It has no effect: requests with the same value go to any endpoint.',
    remedy: 'balance: \'hash\'; or affinity: { cookie, secret }, which needs no balance.',
    ofTarget: target => {
      const { affinity, balance } = target.options
      if (affinity === undefined || 'cookie' in affinity || balance === 'hash' || !hasSeveral(target)) return undefined
      return `affinity: ${affinityOf(affinity)}, balance: '${balance}'`
    }
  },
  {
    id: 'affinity-of-the-front',
    severity: 'error',
    looksAt: 'affinity, Fastify\'s trustProxy, against --front-idle and --front-timeout',
    when: 'requests are bound by the client\'s address, there is a front, and it is not trusted',
    why: 'The address is that of the front, the same for all clients: all requests go to one endpoint, until it is too busy.',
    remedy: 'Give Fastify a trustProxy with the addresses of the front, like 10.0.0.0/8.',
    ofTarget: (target, { frontIdle, frontTimeout }, { server: { trustProxy } }) => {
      const { affinity, balance } = target.options
      if (affinity === undefined || !('ip' in affinity) || balance !== 'hash' || !hasSeveral(target)) return undefined
      if (frontIdle === undefined && frontTimeout === undefined) return undefined
      return trustProxy === false || typeof trustProxy === 'number' ? `affinity: { ip: true }, trustProxy: ${trustProxy}` : undefined
    }
  },
  {
    id: 'one-endpoint',
    severity: 'warning',
    looksAt: 'balance, affinity, slowStart, ejection, upstream',
    when: 'one of them is set for a target of one endpoint, and for none of several',
    why: 'They choose between endpoints, and have no effect on one. A plain URL is one endpoint, even if its name has several addresses.',
    remedy: 'Give upstream a list of URLs, or one like dns+http://users.internal:3000, or leave them out.',
    ofTarget: (target, _around, app) => {
      const set = endpointCount(target) === 1 ? settingsOf(target, app) : []
      if (set.length === 0) return undefined
      const { origin, options: { undiciOptions } } = target
      const found = `${set.join(', ')}; the one endpoint is ${origin!.origin}`
      if (undiciOptions.socketPath !== undefined || isAddress(hostOf(origin!))) return found
      return { found, remedy: `upstream: 'dns+${origin!.origin}', if its name has several addresses; or leave them out.` }
    }
  },
  {
    id: 'fewer-connections-than-endpoints',
    severity: 'warning',
    looksAt: 'pool.maxConnections, upstream',
    when: 'the bound of the target is below the number of its endpoints',
    why: 'Some endpoints have no connection at any time: to use them, the gateway closes one that it needs elsewhere, and dials.',
    remedy: 'Give pool.maxConnections some connections for each endpoint, or leave it out.',
    ofTarget: target => {
      const { maxConnections } = target.options.pool
      const count = endpointCount(target) ?? 0
      return maxConnections < count ? `pool.maxConnections: ${maxConnections}, for ${count} endpoints` : undefined
    }
  }
] as const satisfies readonly TargetRule[]

/** The settings that choose between endpoints, beside their defaults, that no target of several endpoints in the app has alike. */
function settingsOf (target: CheckedTarget, { targets }: CheckedApp): string[] {
  const { options } = target
  const words = {
    balance: `balance: '${options.balance}'`,
    affinity: `affinity: ${options.affinity === undefined ? 'none' : affinityOf(options.affinity)}`,
    slowStart: `slowStart: ${options.slowStart}`,
    ejection: options.ejection === false ? 'ejection: false' : 'ejection'
  }
  return (Object.keys(words) as (keyof typeof words)[])
    .filter(name => !sameValue(options[name], DEFAULTS[name]))
    .filter(name => !targets.some(other => hasSeveral(other) && sameValue(other.options[name], options[name])))
    .map(name => words[name])
}

/** Without its secret. */
function affinityOf (affinity: NonNullable<ResolvedTargetOptions['affinity']>): string {
  if ('cookie' in affinity) return `{ cookie: '${affinity.cookie}' }`
  return 'header' in affinity ? `{ header: '${affinity.header}' }` : '{ ip: true }'
}
