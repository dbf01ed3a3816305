import { isIPv6 } from 'node:net'
import { keepsAlive } from '../options/target-options.js'
import type { ProbeReport } from '../probe/report.js'
import type { EndpointReport, TargetProbeReport } from '../probe/target-report.js'
import { idleLimit } from '../target/idle-limit.js'
import { some } from './endpoints.js'
import type { MeasuredRule, TargetRule } from './rule.js'
import { connectTimeout, prefixes } from './target-rules.js'

// A lost SYN costs 1 s, and a backend is slower when it is busy than when it was measured.
const CONNECT_SHARE = 4

/** Rules about a backend that cannot be reached. */
export const REACH_RULES = [
  {
    id: 'unreachable',
    severity: 'error',
    looksAt: 'the backend (--probe)',
    when: 'it cannot be reached, or gives no answer',
    why: 'Requests to it fail; nothing else can be said of it.',
    remedy: 'See to the backend, or to upstream and undiciOptions.connect.',
    ofTarget: ({ measured }) => {
      if (measured === undefined) return undefined
      if ('unreachable' in measured) return measured.unreachable
      const lost = lostEndpoints(measured)
      if (lost.length === 0 || lost.length < endpointsOf(measured).length) return undefined
      return lost.length === 1 ? reasons(lost) : `none of ${lost.length} endpoints reached; ${reasons(lost)}`
    }
  },
  {
    id: 'endpoints-unreachable',
    severity: 'warning',
    looksAt: 'the endpoints of a target (--probe)',
    when: 'some of them cannot be reached, and others can',
    why: 'The others serve all requests. While one more of them restarts, there may be too few.',
    remedy: 'See to the endpoint, or take it out of upstream.',
    ofTarget: ({ measured }) => {
      if (measured === undefined || 'unreachable' in measured) return undefined
      const all = endpointsOf(measured).length
      const lost = lostEndpoints(measured)
      return lost.length > 0 && lost.length < all ? `${all - lost.length} of ${all} endpoints reached; ${reasons(lost)}` : undefined
    }
  },
  {
    id: 'one-replica-reached',
    severity: 'warning',
    looksAt: 'upstream, against the addresses of its name (--probe)',
    when: 'it is a plain URL, and its name has several addresses of one family',
    why: 'Each dial takes the first address that accepts, and connections gather at one replica. The gateway does not tell them apart: ' +
      'none is chosen by its load, and none that fails is left out.',
    remedy: 'Give upstream: dns+http:// with the same name: each address is an endpoint then.',
    ofTarget: ({ origin, addresses = [] }) => {
      const [first, ...others] = addresses.filter(address => isIPv6(address) === isIPv6(addresses[0]!))
      if (origin === undefined || first === undefined || others.length === 0) return undefined
      return {
        found: `${origin.origin} has ${others.length + 1} addresses: ${some([first, ...others])}; a dial reaches the first that accepts`,
        remedy: `upstream: 'dns+${origin.origin}'; each address is an endpoint then.`
      }
    }
  },
  {
    id: 'health-check-fails',
    severity: 'error',
    looksAt: 'healthCheck, against the backend (--probe)',
    when: 'what answers the path is not what healthCheck expects',
    why: 'The checks say that a backend is down which serves: the others get its requests, or all of them count as down.',
    remedy: 'Give healthCheck.path a path that a backend which serves answers so, and healthCheck.status its status.',
    ofTarget: ({ options: { healthCheck }, unhealthy = [] }) => {
      if (unhealthy.length === 0 || healthCheck === undefined) return undefined
      const causes = some(unhealthy.map(({ address, cause }) => `${cause} (${address})`))
      return `healthCheck.path: ${healthCheck.path}, status: ${healthCheck.status}; ${causes}`
    }
  },
  {
    id: 'endpoints-differ',
    severity: 'warning',
    looksAt: 'the endpoints of a target (--probe)',
    when: 'they do not treat connections alike',
    why: 'A target has one set of settings, and learns one idle limit: the strictest endpoint decides for all.',
    remedy: 'Configure them alike; or make two targets of them.',
    ofTarget: ({ measured }) => measured !== undefined && 'differences' in measured && measured.differences.length > 0
      ? measured.differences.join('; ')
      : undefined
  }
] as const satisfies readonly TargetRule[]

/** Rules that compare what a probe has measured with the settings. */
export const MEASURED_RULES = [
  {
    id: 'idle-above-backend',
    severity: 'warning',
    looksAt: 'undiciOptions.keepAliveTimeout, against the backend (--probe)',
    when: 'the backend closes idle connections sooner, and gives no hint',
    why: 'Requests are sent on connections that the backend has just closed. After each start, the limit is learned at the price of lost attempts: a request that is safe to repeat is sent again, another may fail.',
    remedy: 'Give undiciOptions.keepAliveTimeout less than the backend\'s own, or raise the backend\'s.',
    ofMeasured: ({ idleTimeoutMs, hint, recommended }, { options }) => {
      const { keepAliveTimeout } = options.undiciOptions
      if (idleTimeoutMs === null || hint.timeoutMs !== null || !keepsAlive(options) || keepAliveTimeout < idleTimeoutMs) return undefined
      return {
        found: `undiciOptions.keepAliveTimeout: ${keepAliveTimeout}; the backend closes after ${idleTimeoutMs} ms`,
        remedy: remedyOf('undiciOptions.keepAliveTimeout', recommended.undiciOptions.keepAliveTimeout)
      }
    }
  },
  {
    id: 'hint-untrue',
    severity: 'warning',
    looksAt: 'undiciOptions.keepAliveMaxTimeout, against the backend (--probe)',
    when: 'the backend closes idle connections sooner than its Keep-Alive header says, and these settings believe it',
    why: 'Connections are used after the backend has closed them.',
    remedy: 'Give undiciOptions.keepAliveMaxTimeout less than the backend really keeps them.',
    ofMeasured: ({ idleTimeoutMs, hint, recommended }, { options }) => {
      if (idleTimeoutMs === null || hint.timeoutMs === null || !keepsAlive(options)) return undefined
      const { effective } = idleLimit(options.undiciOptions, hint.timeoutMs, undefined)
      if (effective < idleTimeoutMs) return undefined
      return {
        found: `Keep-Alive: timeout=${hint.timeoutMs / 1_000}, kept here for ${effective} ms; the backend closes after ${idleTimeoutMs} ms`,
        remedy: remedyOf('undiciOptions.keepAliveMaxTimeout', recommended.undiciOptions.keepAliveTimeout)
      }
    }
  },
  {
    id: 'hint-below-threshold',
    severity: 'warning',
    looksAt: 'undiciOptions.keepAliveTimeoutThreshold, against the backend\'s Keep-Alive header (--probe)',
    when: 'the hint is less than twice the threshold',
    why: 'A connection may lie idle for half of the hint only: at a quiet hour nearly every request pays for a handshake.',
    remedy: 'Raise the backend\'s keep-alive timeout, above the time between two requests.',
    ofMeasured: ({ hint }, { options }) => {
      const { keepAliveTimeoutThreshold } = options.undiciOptions
      if (hint.timeoutMs === null || hint.timeoutMs >= 2 * keepAliveTimeoutThreshold || !keepsAlive(options)) return undefined
      return `Keep-Alive: timeout=${hint.timeoutMs / 1_000}, undiciOptions.keepAliveTimeoutThreshold: ${keepAliveTimeoutThreshold}; kept for ${idleLimit(options.undiciOptions, hint.timeoutMs, undefined).effective} ms`
    }
  },
  {
    id: 'backend-not-persistent',
    severity: 'warning',
    looksAt: 'the backend (--probe)',
    when: 'it closes each connection after its first response',
    why: 'Every request pays for a handshake, whatever is set here.',
    remedy: 'Switch keep-alive on at the backend.',
    ofMeasured: ({ persistent }, { options }) => persistent === false && options.inspector !== false ? 'one request a connection' : undefined
  },
  {
    id: 'close-uninspected',
    severity: 'error',
    looksAt: 'inspector, against the backend (--probe)',
    when: 'the backend keeps no connections, and the inspector is off',
    why: 'The gateway never recognises it: it keeps connections that the backend closes, and requests fail or are sent again.',
    remedy: 'Leave inspector out; or undiciOptions.keepAliveTimeout: 0, if the backend is to stay as it is.',
    ofMeasured: ({ persistent }, { options }) => persistent === false && options.inspector === false && keepsAlive(options)
      ? 'inspector: false; the backend closes after each response'
      : undefined
  },
  {
    id: 'request-limit-unannounced',
    severity: 'warning',
    looksAt: 'pool.maxRequestsPerConnection, against the backend (--probe)',
    when: 'the backend ends connections after fewer requests, without saying so',
    why: 'The request after the last one is sent on a connection that the backend has closed.',
    remedy: 'Give pool.maxRequestsPerConnection what the backend takes.',
    ofMeasured: ({ requestsPerConnection, recommended }, { options }) => {
      const most = recommended.pool.maxRequestsPerConnection
      const { maxRequestsPerConnection } = options.pool
      if (requestsPerConnection === null || most === undefined || !keepsAlive(options)) return undefined
      if (maxRequestsPerConnection > 0 && maxRequestsPerConnection <= most) return undefined
      return {
        found: `pool.maxRequestsPerConnection: ${maxRequestsPerConnection}; the backend closes after ${requestsPerConnection}, unannounced`,
        remedy: `pool.maxRequestsPerConnection: ${most}`
      }
    }
  },
  {
    id: 'connect-slow',
    severity: 'warning',
    looksAt: 'undiciOptions.connect.timeout, against the backend (--probe)',
    when: 'connecting, TLS included, takes more than a quarter of it',
    why: 'After one lost packet, or while the backend is busy, dials fail that would have succeeded.',
    remedy: 'Raise undiciOptions.connect.timeout, or see why connecting is that slow.',
    ofMeasured: ({ connectMs, tlsMs }, target) => {
      const took = Math.round((connectMs ?? 0) + (tlsMs ?? 0))
      const timeout = connectTimeout(target)
      return took * CONNECT_SHARE > timeout ? `connecting took ${took} ms; undiciOptions.connect.timeout: ${timeout}` : undefined
    }
  },
  {
    id: 'head-closes',
    severity: 'warning',
    looksAt: 'the backend (--probe)',
    when: 'it keeps connections, and closes them after a HEAD',
    why: 'Each HEAD, as of a health check, costs a connection of the pool.',
    remedy: 'Check health by GET, or mend the backend: a HEAD is answered as a GET without its body (RFC 9110 section 9.3.2).',
    ofMeasured: ({ persistent, headReuses }) => persistent === true && headReuses === false ? 'closes after HEAD' : undefined
  },
  {
    id: 'via-stops-compression',
    severity: 'warning',
    looksAt: 'via, against the backend (--probe)',
    when: 'a route adds Via, and the backend compresses nothing for a request that has one',
    why: 'Responses are several times as large as they were without a gateway in front.',
    remedy: 'Switch compression on for proxied requests at the backend (nginx: gzip_proxied any), or give via: false; loops are still recognised by CDN-Loop.',
    ofMeasured: ({ viaStopsCompression }, { routes }) => {
      const telling = routes.filter(({ options }) => options.via)
      return viaStopsCompression === true && telling.length > 0 ? `via: true (${prefixes(telling)}); the backend compresses without Via and not with it` : undefined
    }
  }
] as const satisfies readonly MeasuredRule[]

type Lost = Extract<EndpointReport, { unreachable: string }>

function endpointsOf (measured: ProbeReport | TargetProbeReport): readonly EndpointReport[] {
  return 'endpoints' in measured ? measured.endpoints : []
}

function lostEndpoints (measured: ProbeReport | TargetProbeReport): readonly Lost[] {
  return endpointsOf(measured).filter(one => 'unreachable' in one)
}

function reasons (lost: readonly Lost[]): string {
  return some(lost.map(({ address, unreachable }) => `${address}: ${unreachable}`))
}

/** Where the probe recommends nothing, the default is right. */
function remedyOf (option: string, recommended: number | undefined): string {
  return recommended === undefined ? `Leave ${option} out; or raise the backend's keep-alive timeout.` : `${option}: ${recommended}; or raise the backend's keep-alive timeout.`
}
