import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import { HTTP_PROXY_NAMES, checkHttpProxyOptions } from '../options/http-proxy.js'
import { ROUTE_NAMES, TARGET_GROUPS, refuseUnknown } from '../options/options.js'
import type { RouteOptions, TargetOptions } from '../options/options.js'
import { checkUpstreams } from '../options/upstream.js'

type WebSocketOptions = { websocket?: boolean, wsUpstream?: string, wsHooks?: object, wsReconnect?: object }

/** Every option of @fastify/http-proxy with its meaning, and the target's and the route's own settings. */
export interface ProxyOptions extends Omit<FastifyHttpProxyOptions, 'upstream' | 'undici'>, WebSocketOptions, TargetOptions, RouteOptions {
  /**
   * The backend's URL; '' where `replyOptions.getUpstream` chooses. Its path stands in for `rewritePrefix`. One with credentials, a
   * query or a fragment is refused, since none of them would be sent; likewise one that `getUpstream` returns, with a 500.
   */
  upstream?: string
  /** A name for the target. Default: its origin. */
  target?: string
  /** @fastify/http-proxy's name for what `undiciOptions` says. */
  undici?: FastifyHttpProxyOptions['undici']
}

/** The options that @fastify/http-proxy does not know. */
export const OWN_NAMES = [...TARGET_GROUPS, ...ROUTE_NAMES, 'target']

/** Throws HOLDFAST_ERR_OPTION for an option that cannot be, in the order in which they are looked at. */
export function checkProxyOptions (options: ProxyOptions): void {
  refuseUnknown(options, [...HTTP_PROXY_NAMES, ...OWN_NAMES], '')
  checkHttpProxyOptions(options as Record<string, unknown>)
  checkUpstreams({ ...options, getUpstream: options.replyOptions?.getUpstream })
}
