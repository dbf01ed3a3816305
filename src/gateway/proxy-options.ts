import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import { HTTP_PROXY_NAMES, checkHttpProxyOptions } from '../options/http-proxy.js'
import type { RouteOptions, TargetOptions, WhereToOptions } from '../options/option-types.js'
import { ROUTE_NAMES } from '../options/route-options.js'
import { TARGET_NAMES } from '../options/target-options.js'
import { refuseUnknown } from '../options/unknown-names.js'
import { checkUpstreams } from '../options/upstream.js'

type HttpProxyOptions = Omit<FastifyHttpProxyOptions, 'upstream' | 'undici'>
type WebSocketOptions = {
  websocket?: boolean | undefined, wsUpstream?: string | undefined, wsHooks?: object | undefined, wsReconnect?: object | undefined
}

/** Every option of `@fastify/http-proxy` with its meaning, and the target's and the route's own settings. */
export interface ProxyOptions extends HttpProxyOptions, WebSocketOptions, WhereToOptions, TargetOptions, RouteOptions {
  /** The name that `@fastify/http-proxy` has for `undiciOptions`. */
  undici?: FastifyHttpProxyOptions['undici'] | undefined
}

/** The options of a route with one URL as its upstream, as `@fastify/http-proxy` takes them. */
export interface SingleOptions extends Omit<ProxyOptions, 'upstream'> {
  /** The logical origin of the endpoints where the route has several. */
  upstream?: string | undefined
}

/** The options that `@fastify/http-proxy` does not know. */
export const OWN_NAMES = [...TARGET_NAMES, ...ROUTE_NAMES, 'target']

/** Throws HOLDFAST_ERR_OPTION for the first option that is unknown or whose value is not possible. */
export function checkProxyOptions (options: ProxyOptions): void {
  refuseUnknown(options, [...HTTP_PROXY_NAMES, ...OWN_NAMES], '')
  checkHttpProxyOptions(options as Record<string, unknown>)
  checkUpstreams({ ...options, getUpstream: options.replyOptions?.getUpstream })
}
