import { CONNECT_TIMEOUT, keepsAlive } from '../options/target-options.js'
import type { CheckedTarget, TargetRule } from './rule.js'
import { backendsOf, hasSeveral, some } from './endpoints.js'
import { isAddress, isPrivate } from './private-host.js'

/** Rules that need a target's origin and routes besides its settings. */
export const TARGET_RULES = [
  {
    id: 'headers-timeout-off',
    severity: 'warning',
    looksAt: 'undiciOptions.headersTimeout, totalTimeout',
    when: 'both are 0 for a route',
    why: 'A backend that accepts requests and never answers holds a connection for each of them, until the clients give up.',
    remedy: 'Give undiciOptions.headersTimeout more than the slowest answer takes, or the route a totalTimeout.',
    ofTarget: target => target.options.undiciOptions.headersTimeout === 0 ? unboundedRoutes(target, 'undiciOptions.headersTimeout: 0') : undefined
  },
  {
    id: 'body-timeout-off',
    severity: 'warning',
    looksAt: 'undiciOptions.bodyTimeout, totalTimeout',
    when: 'both are 0 for a route',
    why: 'A backend that stops in the middle of a body holds a connection, and a client, for ever.',
    remedy: 'Give undiciOptions.bodyTimeout more than the longest pause of a stream (twice its heartbeat), or the route a totalTimeout.',
    ofTarget: target => target.options.undiciOptions.bodyTimeout === 0 ? unboundedRoutes(target, 'undiciOptions.bodyTimeout: 0') : undefined
  },
  {
    id: 'client-body-timeout-off',
    severity: 'error',
    looksAt: 'clientBodyTimeout, totalTimeout, and the server\'s requestTimeout',
    when: 'all are 0',
    why: 'The gateway waits without end for a client that sends its body a byte a minute; a few thousand of them take every socket (slowloris).',
    remedy: 'Leave clientBodyTimeout out (55000).',
    ofTarget: (target, _around, { server }) => {
      if ((server.requestTimeout ?? 0) > 0) return undefined
      const routes = target.routes.filter(({ options }) => options.clientBodyTimeout === 0 && options.totalTimeout === 0)
      return routes.length === 0 ? undefined : `clientBodyTimeout: 0 (${prefixes(routes)})`
    }
  },
  {
    id: 'tunnel-idle-timeout-off',
    severity: 'warning',
    looksAt: 'tunnelIdleTimeout',
    when: 'it is 0 for a route that is upgradable',
    why: 'The gateway never notices a client that vanishes without a FIN: its tunnel stays, on both sides, and counts against pool.maxUpgraded.',
    remedy: 'Leave tunnelIdleTimeout out (300000), or give more than the pings of your protocol are apart.',
    ofTarget: ({ routes }) => {
      const silent = routes.filter(({ upgradable, options }) => upgradable && options.tunnelIdleTimeout === 0)
      return silent.length === 0 ? undefined : `tunnelIdleTimeout: 0 (${prefixes(silent)})`
    }
  },
  {
    id: 'one-connection',
    severity: 'warning',
    looksAt: 'undiciOptions.connections, pool.maxConnections',
    when: 'one of them allows a single connection, and several routes share it',
    why: 'One request at a time: a slow answer on any of the routes holds up all of them.',
    remedy: 'Give it as many as the backend serves at once, or leave it out.',
    ofTarget: target => {
      const { options: { undiciOptions, pool }, routes } = target
      if (routes.length < 2) return undefined
      if (pool.maxConnections === 1) return `pool.maxConnections: 1 (${prefixes(routes)})`
      return undiciOptions.connections === 1 && !hasSeveral(target) ? `undiciOptions.connections: 1 (${prefixes(routes)})` : undefined
    }
  },
  {
    id: 'connect-timeout-long',
    severity: 'warning',
    looksAt: 'undiciOptions.connect.timeout, undiciOptions.headersTimeout',
    when: 'connect.timeout is above headersTimeout',
    why: 'The gateway waits longer for a backend that is gone than for the answer of a backend that works.',
    remedy: 'Lower undiciOptions.connect.timeout below headersTimeout; 3000 covers one lost packet.',
    ofTarget: target => {
      const { headersTimeout } = target.options.undiciOptions
      const timeout = connectTimeout(target)
      return headersTimeout > 0 && timeout > headersTimeout ? `undiciOptions.connect.timeout: ${timeout}, headersTimeout: ${headersTimeout}` : undefined
    }
  },
  {
    id: 'dns-not-followed',
    severity: 'warning',
    looksAt: 'pool.maxConnectionAge, upstream',
    when: 'the age is 0, and the backend has a name',
    why: 'Names are resolved at each dial, and a connection in steady use is never dialled again: it stays with an address that the name no longer has, and new replicas get no load.',
    remedy: 'Leave pool.maxConnectionAge out (600000, with 10 % of jitter).',
    ofTarget: target => {
      const { plan, options } = target
      if (options.pool.maxConnectionAge !== 0 || options.undiciOptions.socketPath !== undefined || !keepsAlive(options)) return undefined
      // Discovery follows names by itself.
      if (plan?.kind === 'url' || plan?.kind === 'function') return undefined
      const names = backendsOf(target).map(({ host }) => host).filter(host => !isAddress(host) && host !== 'localhost')
      return names.length === 0 ? undefined : `pool.maxConnectionAge: 0, for ${some([...new Set(names)])}`
    }
  },
  {
    id: 'plain-http',
    severity: 'warning',
    looksAt: 'upstream',
    when: 'it is http:, and its host is no private address and no name of a private network',
    why: 'An attacker on the path can read and change requests, credentials included.',
    remedy: 'Give an https: upstream. If the name leads into a private network, --ignore plain-http.',
    ofTarget: target => {
      const { origin, plan, options } = target
      if (origin?.protocol !== 'http:' || options.undiciOptions.socketPath !== undefined) return undefined
      // Pods are in the cluster's network, and a function's endpoints are not known here.
      if (plan?.kind === 'function' || (plan?.kind === 'url' && plan.url.kind === 'kubernetes')) return undefined
      const open = backendsOf(target).filter(({ host }) => !isPrivate(host))
      return open.length === 0 ? undefined : some(open.map(({ origin }) => origin))
    }
  }
] as const satisfies readonly TargetRule[]

/** How long a dial may take, in ms. A connect function has the default time. */
export function connectTimeout ({ options: { undiciOptions: { connect } } }: CheckedTarget): number {
  return (typeof connect === 'function' ? undefined : connect.timeout) ?? CONNECT_TIMEOUT
}

/** The prefixes of routes, for a person. */
export function prefixes (routes: readonly { readonly prefix: string }[]): string {
  return routes.map(({ prefix }) => prefix === '' ? '/' : prefix).join(', ')
}

function unboundedRoutes ({ routes }: CheckedTarget, found: string): string | undefined {
  const unbounded = routes.filter(({ options }) => options.totalTimeout === 0)
  return unbounded.length === 0 ? undefined : `${found} (${prefixes(unbounded)})`
}
