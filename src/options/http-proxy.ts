import { optionError } from '../errors.js'
import type { OptionWarning, UndiciOptions } from './options.js'

/** Option names of @fastify/http-proxy and @fastify/reply-from that `proxy` takes with their meaning there. */
export const HTTP_PROXY_NAMES: readonly string[] = [
  'upstream', 'prefix', 'rewritePrefix', 'httpMethods', 'preHandler', 'beforeHandler', 'preValidation', 'preRewrite', 'constraints', 'config', 'routes',
  'proxyPayloads', 'internalRewriteLocationHeader', 'replyOptions', 'handler', 'contentTypesToEncode',
  'websocket', 'wsUpstream', 'wsReconnect', 'wsHooks', 'wsServerOptions', 'wsClientOptions',
  'undici', 'http', 'http2', 'globalAgent', 'destroyAgent', 'sessionTimeout', 'cacheURLs', 'disableCache', 'disableRequestLogging',
  'retryMethods', 'retriesCount', 'retryDelay', 'maxRetriesOn503', 'base', 'balancedPoolOptions', 'logLevel', 'logSerializers'
]

const RETRIES = 'a request is sent again only where it is known not to have been carried out, or safe to repeat; see the retry option'
const UPSTREAM = 'a route has one backend, which upstream or replyOptions.getUpstream names'
/** Taken, without effect in a managed route, and why; at the top and in replyOptions, since people give them in both places. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  // Retries by error code and status are replaced by retries on evidence.
  retryMethods: RETRIES,
  retriesCount: RETRIES,
  retryDelay: RETRIES,
  maxRetriesOn503: RETRIES,
  base: UPSTREAM,
  balancedPoolOptions: UPSTREAM,
  sessionTimeout: 'it is for http2 alone'
}

const isText = (value: unknown): boolean => typeof value === 'string'
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
const isObject = (value: unknown): boolean => typeof value === 'object' && !Array.isArray(value)
const isFunction = (value: unknown): boolean => typeof value === 'function'
type Form = readonly [names: readonly string[], holds: (value: unknown) => boolean, remedy: string]
const FUNCTION = 'must be a function'
/** What http-proxy would fail for in words of its own, or of Node's, that name no option. */
const FORMS: readonly Form[] = [
  [['prefix', 'rewritePrefix', 'target'], isText, 'must be a string'],
  [['httpMethods', 'routes', 'contentTypesToEncode'], areTexts, 'must be an array of strings'],
  [['constraints', 'config', 'replyOptions'], isObject, 'must be an object'],
  [['handler', 'preRewrite'], isFunction, FUNCTION]
]
const REPLY_FORMS: readonly Form[] = [[['onResponse', 'onError', 'rewriteHeaders', 'rewriteRequestHeaders'], isFunction, FUNCTION]]

/** Throws HOLDFAST_ERR_OPTION for an option of http-proxy's own that cannot be. */
export function checkHttpProxyOptions (options: Record<string, unknown>): void {
  checkForms(options, FORMS, '')
  checkForms((options['replyOptions'] ?? {}) as Record<string, unknown>, REPLY_FORMS, 'replyOptions.')
}

function checkForms (options: Record<string, unknown>, forms: readonly Form[], where: string): void {
  for (const [names, holds, remedy] of forms) {
    for (const name of names) {
      const value = options[name]
      // http-proxy takes null for not given.
      if (value !== undefined && value !== null && !holds(value)) throw optionError(`${where}${name}`, value, remedy)
    }
  }
}

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
  for (const [name, why] of Object.entries(WITHOUT_EFFECT)) {
    if (options[name] !== undefined || replyOptions[name] !== undefined) warnings.push(ignored(name, why))
  }
  return warnings
}

function ignored (option: string, why: string): OptionWarning {
  return { id: 'option-ignored', found: `${option} has no effect: ${why}` }
}
