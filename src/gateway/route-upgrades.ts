import { parseUpstream } from '../options/upstream.js'
import type { ProxyOptions } from './proxy-options.js'

// They choose http-proxy's own WebSocket client; what it does is its own.
const WS_NAMES = ['wsHooks', 'wsReconnect', 'wsServerOptions', 'wsClientOptions'] as const

/** Given no `websocket`, it leaves the server's 'upgrade' and `close` alone. */
export const WITHOUT_WEBSOCKET = { websocket: undefined, wsUpstream: undefined }

export function isUpgradable ({ websocket, wsUpstream }: ProxyOptions): boolean {
  return websocket === true || Boolean(wsUpstream)
}

/** The options that leave upgrades to http-proxy's own client. */
export function foreignWebSocketOptions (options: ProxyOptions): string[] {
  return WS_NAMES.filter(name => options[name] !== undefined)
}

/** Whether what becomes of an upgrade is for us to do, and not for http-proxy's own client. */
export function isOurs (options: ProxyOptions): boolean {
  return WS_NAMES.every(name => options[name] === undefined)
}

export function makesTunnels (options: ProxyOptions): boolean {
  return isUpgradable(options) && isOurs(options)
}

/** What http-proxy is to take for the upstream of a route whose WebSockets are not its own. */
export function httpUpstream ({ upstream, wsUpstream, replyOptions }: ProxyOptions): string | undefined {
  if (upstream || replyOptions?.getUpstream !== undefined) return toHttp(upstream ?? '')
  if (!wsUpstream) return upstream
  // It wants one; what is no upgrade has nowhere to go, and is told so.
  return parseUpstream(toHttp(wsUpstream), 'wsUpstream').origin.href
}

export function toHttp (url: string): string {
  return url.replace(/^ws/, 'http')
}
