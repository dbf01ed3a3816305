import { keepsAlive } from '../options/target-options.js'
import { idleLimit } from '../target/idle-limit.js'
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
    ofTarget: ({ measured }) => measured !== undefined && 'unreachable' in measured ? measured.unreachable : undefined
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

/** Where the probe recommends nothing, the default is right. */
function remedyOf (option: string, recommended: number | undefined): string {
  return recommended === undefined ? `Leave ${option} out; or raise the backend's keep-alive timeout.` : `${option}: ${recommended}; or raise the backend's keep-alive timeout.`
}
