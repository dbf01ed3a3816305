import type { AppRule, CheckedApp, CheckedTarget, Placed, Sighting, TargetRule } from './rule.js'
import { backendsOf, hasSeveral } from './endpoints.js'
import { connectTimeout, prefixes } from './target-rules.js'

// In ms, between the gateway's answer and the moment when the front gives up: the answer takes time, and timers are late.
const MARGIN = 1_000

/** The front, the app's server, the gateway and the backend: where one gives up before the next one's time is over. */
export const CHAIN_TARGET_RULES = [
  {
    id: 'front-answers-first',
    severity: 'error',
    looksAt: 'undiciOptions.headersTimeout, totalTimeout, against --front-timeout',
    when: 'the front gives up before a backend\'s answer is overdue',
    why: 'Clients get the front\'s 504, and the log here says that the client left, though the backend was slow.',
    remedy: 'Give undiciOptions.headersTimeout less than the front\'s timeout.',
    ofTarget: (target, { frontTimeout }) => frontTimeout === undefined
      ? undefined
      : late(target, frontTimeout, headersTimeout(target), 'undiciOptions.headersTimeout')
  },
  {
    id: 'front-answers-first-under-load',
    severity: 'warning',
    looksAt: 'pool.pendingTimeout, undiciOptions.connect.timeout, undiciOptions.headersTimeout, against --front-timeout',
    when: 'together they reach it, though headersTimeout alone does not',
    why: 'A request that had to wait for its connection gets the front\'s 504 in place of the gateway\'s.',
    remedy: 'Lower one of the three, or give the route a totalTimeout below the front\'s timeout.',
    ofTarget: (target, { frontTimeout }) => {
      const headers = headersTimeout(target)
      if (frontTimeout === undefined || headers >= frontTimeout) return undefined
      const pending = pendingTimeout(target)
      const connect = connectTimeout(target)
      const sighting = late(target, frontTimeout, pending + connect + headers, `pool.pendingTimeout: ${pending} + undiciOptions.connect.timeout: ${connect} + headersTimeout`, headers)
      const room = frontTimeout - MARGIN - pending - connect
      if (sighting === undefined || room < 1) return sighting
      return { found: sighting, remedy: `undiciOptions.headersTimeout: ${room}; or a totalTimeout below ${frontTimeout} for the route.` }
    }
  },
  {
    id: 'server-cuts-first',
    severity: 'error',
    looksAt: 'Fastify\'s connectionTimeout, undiciOptions.headersTimeout, undiciOptions.bodyTimeout',
    when: 'connectionTimeout is above 0 and not above one of them',
    why: 'Node counts a client that waits for its answer as silent, and cuts its connection: the client gets no answer, not even a 504.',
    remedy: 'Give Fastify a connectionTimeout above headersTimeout and bodyTimeout, or none; requests that come slowly are bounded by clientHeadersTimeout and clientBodyTimeout.',
    ofTarget: (target, _around, { server: { connectionTimeout = 0 } }) => {
      if (connectionTimeout === 0) return undefined
      const { headersTimeout, bodyTimeout } = target.options.undiciOptions
      const longest = Math.max(headersTimeout || Infinity, bodyTimeout || Infinity)
      return connectionTimeout > longest ? undefined : `connectionTimeout: ${connectionTimeout}, undiciOptions.headersTimeout: ${headersTimeout}, bodyTimeout: ${bodyTimeout}`
    }
  }
] as const satisfies readonly TargetRule[]

/** Rules of the chain that concern an app as a whole. */
export const CHAIN_APP_RULES = [
  {
    id: 'front-outlives-server',
    severity: 'error',
    looksAt: 'Fastify\'s keepAliveTimeout, against --front-idle',
    when: 'it is not above the idle timeout of the load balancer in front',
    why: 'The load balancer sends a request on a connection that this server has just closed; its client gets a 502 that no log here shows.',
    remedy: 'Give Fastify a keepAliveTimeout above it.',
    ofApp: ({ server: { keepAliveTimeout } }, { frontIdle }) => {
      if (frontIdle === undefined || !keepAliveTimeout || keepAliveTimeout > frontIdle) return []
      return ofServer({
        found: `keepAliveTimeout: ${keepAliveTimeout}, and the front's is ${frontIdle}`,
        remedy: `Fastify({ keepAliveTimeout: ${frontIdle + Math.max(MARGIN, Math.round(frontIdle * 0.2))} })`
      })
    }
  },
  {
    id: 'client-headers-timeout-off',
    severity: 'error',
    looksAt: 'clientHeadersTimeout, and the server\'s requestTimeout',
    when: 'both are 0',
    why: 'The server waits without end for a client that sends its headers a byte a minute; a few thousand of them take every socket (slowloris).',
    remedy: 'Leave clientHeadersTimeout out (60000).',
    ofApp: ({ server: { headersTimeout, requestTimeout } }) => headersTimeout === 0 && requestTimeout === 0 ? ofServer('clientHeadersTimeout: 0') : []
  },
  {
    id: 'trusts-everybody',
    severity: 'warning',
    looksAt: 'Fastify\'s trustProxy, TRUST_PROXY',
    when: 'it is true',
    why: 'Any client can claim any address, host and protocol in X-Forwarded-*; limits, logs and backends that use these headers believe it.',
    remedy: 'Give trustProxy the addresses of the proxies in front, like 10.0.0.0/8. If only those can connect, --ignore trusts-everybody.',
    ofApp: ({ server: { trustProxy } }) => trustProxy === true ? ofServer('trustProxy: true') : []
  },
  {
    id: 'trusts-nobody',
    severity: 'warning',
    looksAt: 'Fastify\'s trustProxy',
    when: 'it is a number',
    why: 'Fastify trusts no proxy for a number: a count of hops does not say who the last hop was. X-Forwarded-* of the proxies in front are replaced, and logs, limits and backends see the address of a proxy in place of the client\'s.',
    remedy: 'Give trustProxy the addresses of the proxies in front, like 10.0.0.0/8.',
    // Fastify takes 0 for false, which is clear.
    ofApp: ({ server: { trustProxy } }) => typeof trustProxy === 'number' && trustProxy !== 0 ? ofServer(`trustProxy: ${trustProxy}`) : []
  },
  {
    id: 'split-pools',
    severity: 'warning',
    looksAt: 'targets of one origin without a name of their own',
    when: 'routes to one origin have settings that differ',
    why: 'Each set of settings is a pool of its own: their connections add up at the backend, and each is reused less.',
    remedy: 'Give these routes equal settings, or name the second target (target) where they are kept apart on purpose.',
    ofApp: ({ targets }) => byOrigin(targets)
      .map(([origin, all]) => ({ origin, split: all.filter(({ name }) => name === origin || name.startsWith(`${origin} `)) }))
      .filter(({ split }) => split.length > 1)
      .map(({ origin, split }) => ({
        target: origin,
        sighting: `${split.length} pools: ${split.map(({ routes, options }) => `${prefixes(routes)} (${options.undiciOptions.connections})`).join('; ')}; ${split.reduce((sum, target) => sum + target.options.undiciOptions.connections, 0)} connections`
      }))
  },
  {
    id: 'backend-overrun',
    severity: 'error',
    looksAt: 'undiciOptions.connections, pool.maxConnections, pool.maxUpgraded, against --replicas and --backend-max-connections',
    when: 'all replicas together may open more connections to a backend, or to one endpoint of a target, than it can bear',
    why: 'Limits are per process. At the backend\'s limit it refuses connections, or leaves them in its backlog, and requests fail while every pool here is within its bounds.',
    remedy: 'Give undiciOptions.connections what the backend can bear, divided by the replicas (or by the workers of a cluster).',
    ofApp: ({ targets }, around) => around.backendMaxConnections === undefined
      ? []
      : byBackend(targets).flatMap(load => overrun(load, around.replicas, around.backendMaxConnections!))
  },
  {
    id: 'unmanaged',
    severity: 'warning',
    looksAt: 'undici (an instance, false, or with proxy), http, http2, globalAgent, wsHooks, wsReconnect, wsServerOptions, wsClientOptions, handler',
    when: 'one of them asks for another transport',
    why: 'Limits, retries and the inspector do not reach these connections.',
    remedy: 'Leave it out, where undiciOptions can say the same; replyOptions.rewriteRequestHeaders sets headers, those of upgrades too.',
    atRegister: true,
    ofApp: app => toldAtRegister(app, 'unmanaged')
  },
  {
    id: 'option-ignored',
    severity: 'warning',
    looksAt: 'retryMethods, retriesCount, retryDelay, maxRetriesOn503, base, balancedPoolOptions, sessionTimeout, and names in undici that mean nothing here',
    when: 'one of them is given',
    why: 'Readers of the settings believe that it has one.',
    remedy: 'Leave it out.',
    atRegister: true,
    ofApp: app => toldAtRegister(app, 'option-ignored')
  }
] as const satisfies readonly AppRule[]

function headersTimeout ({ options }: CheckedTarget): number {
  return options.undiciOptions.headersTimeout || Infinity
}

function pendingTimeout ({ options: { pool } }: CheckedTarget): number {
  return pool.maxPending === 0 ? 0 : pool.pendingTimeout
}

/** What was found where the gateway's answer, due after `due` ms, comes too late for the front on some route. */
function late ({ routes }: CheckedTarget, frontTimeout: number, due: number, words: string, shown = due): string | undefined {
  const behind = routes.filter(({ options }) => Math.min(options.totalTimeout || Infinity, due) >= frontTimeout)
  if (behind.length === 0) return undefined
  return `${words}: ${shown === Infinity ? 0 : shown} (${prefixes(behind)}), and the front gives up after ${frontTimeout}`
}

function ofServer (sighting: Sighting): readonly Placed[] {
  return [{ target: 'server', sighting }]
}

function byOrigin (targets: readonly CheckedTarget[]): [string, CheckedTarget[]][] {
  const origins = new Map<string, CheckedTarget[]>()
  for (const target of targets) {
    // Behind a unix socket every origin is called localhost.
    const { origin, options: { undiciOptions: { socketPath } } } = target
    if (origin === undefined || socketPath !== undefined) continue
    origins.set(origin.origin, [...origins.get(origin.origin) ?? [], target])
  }
  return [...origins]
}

/** Backends that have the same targets. */
interface Load { readonly origins: readonly string[], readonly targets: readonly CheckedTarget[] }

function byBackend (targets: readonly CheckedTarget[]): Load[] {
  const backends = new Map<string, CheckedTarget[]>()
  for (const target of targets) {
    // Behind a unix socket every origin is called localhost.
    if (target.options.undiciOptions.socketPath !== undefined) continue
    for (const { origin } of backendsOf(target)) backends.set(origin, [...backends.get(origin) ?? [], target])
  }
  const loads: { origins: string[], targets: CheckedTarget[] }[] = []
  for (const [origin, all] of backends) {
    const same = loads.find(({ targets }) => targets.length === all.length && targets.every((target, i) => target === all[i]))
    if (same === undefined) loads.push({ origins: [origin], targets: all })
    else same.origins.push(origin)
  }
  return loads
}

function overrun ({ origins, targets }: Load, replicas: number, most: number): readonly Placed[] {
  const connections = targets.reduce((sum, { options: { undiciOptions, pool } }) => sum + Math.min(undiciOptions.connections, pool.maxConnections), 0)
  const upgraded = targets.reduce((sum, { options, routes }) => sum + (routes.some(({ upgradable }) => upgradable) ? options.pool.maxUpgraded : 0), 0)
  const all = replicas * (connections + upgraded)
  if (all <= most) return []
  const each = upgraded === 0 ? String(connections) : `(${connections} + ${upgraded} upgraded)`
  const share = Math.floor(most / replicas / targets.length)
  const remedy = upgraded > 0
    ? `undiciOptions.connections and pool.maxUpgraded that come to ${Math.floor(most / replicas)} together.`
    : `undiciOptions.connections: ${Math.max(1, share)}${targets.length > 1 ? ` for each of the ${targets.length} targets` : ''}`
  const [first] = targets
  const several = hasSeveral(first!)
  const to = several ? ` to ${origins.length > 1 ? `each of ${origins.length} endpoints` : 'each endpoint'}` : ''
  const target = several && targets.length === 1 ? first!.name : origins[0]!
  const found = `${replicas} x ${each} = ${all} connections${to}, and ${several ? 'one' : 'the backend'} can bear ${most}`
  return [{ target, sighting: { found, remedy } }]
}

function toldAtRegister ({ told }: CheckedApp, id: string): readonly Placed[] {
  return told.filter(warning => warning.id === id).map(({ route, found }) => ({ target: `route ${route}`, sighting: found }))
}
