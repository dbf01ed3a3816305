import type { OptionWarning, UndiciOptions } from './options.js'

/** Option names of @fastify/http-proxy and @fastify/reply-from that `proxy` takes with their meaning there. */
export const HTTP_PROXY_NAMES: readonly string[] = [
  'upstream', 'prefix', 'rewritePrefix', 'httpMethods', 'preHandler', 'beforeHandler', 'preValidation', 'preRewrite', 'constraints', 'config', 'routes',
  'proxyPayloads', 'internalRewriteLocationHeader', 'replyOptions', 'handler', 'contentTypesToEncode',
  'websocket', 'wsUpstream', 'wsReconnect', 'wsHooks', 'wsServerOptions', 'wsClientOptions',
  'undici', 'http', 'http2', 'globalAgent', 'destroyAgent', 'sessionTimeout', 'cacheURLs', 'disableCache', 'disableRequestLogging',
  'retryMethods', 'maxRetriesOn503', 'base', 'logLevel', 'logSerializers'
]

/** Retries by error code and status are replaced by retries on evidence. */
const WITHOUT_EFFECT = ['retryMethods', 'retriesCount', 'retryDelay', 'maxRetriesOn503'] as const

const UNDICI_NAMES = new Set<string>([
  'connections', 'keepAliveTimeout', 'keepAliveMaxTimeout', 'keepAliveTimeoutThreshold', 'headersTimeout', 'bodyTimeout', 'connect', 'pipelining',
  'localAddress', 'socketPath', 'maxHeaderSize', 'maxResponseSize'
] satisfies (keyof UndiciOptions)[])

/** Why a route asks for a transport that is not ours, or undefined where it does not. */
export function foreignTransport (options: Record<string, unknown>): string | undefined {
  for (const name of ['http', 'http2', 'globalAgent'] as const) if (options[name]) return name
  const { undici } = options
  if (undici === false) return 'undici: false'
  if (typeof undici !== 'object' || undici === null) return undefined
  if (typeof (undici as { request?: unknown }).request === 'function') return 'an undici instance'
  return (undici as { proxy?: unknown }).proxy === undefined ? undefined : 'undici.proxy'
}

/** What http-proxy's old `undici` object says, in our options; names without a meaning here are warned about. */
export function readUndici (undici: unknown): { undiciOptions: UndiciOptions, warnings: OptionWarning[] } {
  const undiciOptions: Record<string, unknown> = {}
  const warnings: OptionWarning[] = []
  if (typeof undici !== 'object' || undici === null) return { undiciOptions, warnings }
  const given = undici as Record<string, unknown>
  for (const name of Object.keys(given)) {
    const value = given[name]
    if (value === undefined) continue
    if (name === 'tls') undiciOptions['connect'] ??= value
    else if (name === 'connections' && value === null) undiciOptions[name] = Infinity
    else if (name === 'pipelining' && Number(value) > 1) warnings.push(ignored('undici.pipelining', 'requests are never pipelined'))
    else if (UNDICI_NAMES.has(name)) undiciOptions[name] = value
    else warnings.push(ignored(`undici.${name}`, 'it has no meaning for a managed target'))
  }
  return { undiciOptions: undiciOptions as UndiciOptions, warnings }
}

/** Options that a managed route takes and does not heed. */
export function ignoredOptions (options: Record<string, unknown>): OptionWarning[] {
  const replyOptions = (options['replyOptions'] ?? {}) as Record<string, unknown>
  const warnings: OptionWarning[] = []
  for (const name of WITHOUT_EFFECT) {
    if (options[name] !== undefined || replyOptions[name] !== undefined) {
      warnings.push(ignored(name, 'a request is sent again only where it is known not to have been carried out, or safe to repeat; see the retry option'))
    }
  }
  return warnings
}

function ignored (option: string, why: string): OptionWarning {
  return { id: 'option-ignored', found: `${option} has no effect: ${why}` }
}
