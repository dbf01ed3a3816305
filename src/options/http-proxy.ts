import { checkRows } from './groups.js'
import { FUNCTION } from './kinds.js'
import type { UndiciOptions } from './option-types.js'
import { REPLY_OPTION_NAMES } from './reply-option-names.js'
import { TABLE, nameOf, rowsOf } from './table.js'
import { refuseUnknown } from './unknown-names.js'

const ROWS = TABLE.filter(({ httpProxy }) => httpProxy !== undefined)
const TARGET_ROW = TABLE.filter(({ path }) => path === 'target')

/** Option names of `@fastify/http-proxy` and `@fastify/reply-from` that `proxy` takes with their meaning there. */
export const HTTP_PROXY_NAMES: readonly string[] = ROWS.map(({ path }) => path)

const IGNORED_NAMES = ROWS.filter(({ httpProxy }) => httpProxy === 'ignored').map(({ path }) => path)
const REPLY_FUNCTIONS = ['onResponse', 'onError', 'rewriteHeaders', 'rewriteRequestHeaders']

/**
 * Throws HOLDFAST_ERR_OPTION for an option that http-proxy would fail for in words of its own, or of Node's, that name no option; and for an
 * unknown name in `replyOptions`, which reply-from would pass over in silence.
 */
export function checkHttpProxyOptions (options: Record<string, unknown>): void {
  // http-proxy takes null for not given.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null))
  checkRows(given, [...ROWS, ...TARGET_ROW])
  const replyOptions = (options['replyOptions'] ?? {}) as Record<string, unknown>
  refuseUnknown(replyOptions, [...REPLY_OPTION_NAMES, ...IGNORED_NAMES], 'replyOptions.')
  for (const name of REPLY_FUNCTIONS) {
    const value = replyOptions[name]
    if (value !== undefined && value !== null) FUNCTION.check!(value, `replyOptions.${name}`)
  }
}

const UNDICI_NAMES = new Set(rowsOf('undiciOptions').map(({ path }) => nameOf(path)))

/** A warning that an option is taken and has no effect: a rule of src/check/. */
export interface IgnoredOption { readonly id: 'option-ignored', readonly found: string }

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
export function readUndici (undici: unknown): { undiciOptions: UndiciOptions, warnings: IgnoredOption[] } {
  const undiciOptions: Record<string, unknown> = {}
  const warnings: IgnoredOption[] = []
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

/** Options that a managed route takes and that have no effect; at the top and in `replyOptions`, since people give them in both places. */
export function ignoredOptions (options: Record<string, unknown>): IgnoredOption[] {
  const replyOptions = (options['replyOptions'] ?? {}) as Record<string, unknown>
  const warnings: IgnoredOption[] = []
  for (const { path, text, httpProxy } of ROWS) {
    if (httpProxy === 'ignored' && (options[path] !== undefined || replyOptions[path] !== undefined)) warnings.push(ignored(path, text))
  }
  return warnings
}

function ignored (option: string, why: string): IgnoredOption {
  return { id: 'option-ignored', found: `${option} has no effect: ${why}` }
}
