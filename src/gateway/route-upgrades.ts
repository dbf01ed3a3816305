import { parseUpstream } from '../options/upstream.js'
import type { ProxyOptions, SingleOptions } from './proxy-options.js'

// With one of these options, http-proxy's own WebSocket client serves the route's upgrades.
const WS_NAMES = ['wsHooks', 'wsReconnect', 'wsServerOptions', 'wsClientOptions'] as const

/** Whether the route serves upgrades. */
export function isUpgradable ({ websocket, wsUpstream }: ProxyOptions): boolean {
  return websocket === true || Boolean(wsUpstream)
}

/** The options of the route that leave its upgrades to http-proxy's own client. */
export function foreignWebSocketOptions (options: ProxyOptions): string[] {
  return WS_NAMES.filter(name => options[name] !== undefined)
}

/** Whether Holdfast would serve an upgrade, and not http-proxy's own client. */
export function isOurs (options: ProxyOptions): boolean {
  return WS_NAMES.every(name => options[name] === undefined)
}

/** Whether the route serves upgrades, and Holdfast makes the tunnels. */
export function makesTunnels (options: ProxyOptions): boolean {
  return isUpgradable(options) && isOurs(options)
}

/** The `upstream` for http-proxy of a route whose tunnels Holdfast makes. */
export function httpUpstream ({ upstream, wsUpstream, replyOptions }: SingleOptions): string | undefined {
  if (upstream || replyOptions?.getUpstream !== undefined) return toHttp(upstream ?? '')
  if (!wsUpstream) return upstream
  // http-proxy needs an upstream. Requests that are no upgrades have no target on this route, and fail.
  return parseUpstream(toHttp(wsUpstream), 'wsUpstream').origin.href
}

export function toHttp (url: string): string {
  return url.replace(/^ws/, 'http')
}
