import { stringify } from 'node:querystring'
import type { Readable } from 'node:stream'
import { errors } from 'undici'
import type { Dispatcher } from 'undici'
import { isFieldValue, isToken } from '../http/field-syntax.js'
import type { CallRequest } from './call.js'
import { isIdempotent } from '../http/idempotent.js'
import { readBody } from './undici-body.js'
import type { GivenBody } from './undici-body.js'
import { readHeaders } from './undici-headers.js'

/** The options of undici's dispatch in the form of a request to a target. */
export interface UndiciRequest extends CallRequest {
  /** The body, where it is a stream that may fail at any time. */
  readonly source: Readable | undefined
}

type Options = Dispatcher.DispatchOptions & { maxRedirections?: number | null }

// undici refuses a declared length that differs from the body's, except for methods whose requests have no body as a rule.
const FORGIVING = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT'])

/**
 * Reads the options of undici's dispatch. For options that undici's own clients refuse, throws the errors that they give to the handler:
 * `InvalidArgumentError`, `NotSupportedError` (`Expect`), `RequestContentLengthMismatchError`.
 *
 * These options have no effect: `blocking` (nothing is pipelined), `expectContinue` (undici uses it for HTTP/2 only), `typeOfService` (a
 * connection serves many requests), `servername` (the target's TLS identity holds).
 */
export function undiciRequest (options: Dispatcher.DispatchOptions): UndiciRequest {
  checkHead(options)
  checkTerms(options)
  const { method, query } = options
  const given = readBody(options.body)
  const path = query ? pathWithQuery(options.path, query) : options.path
  const { lines, length: declared, hasType, hasIdempotencyKey, close } = readHeaders(options.headers)
  if (given.type !== undefined && !hasType) {
    if (!isFieldValue(given.type)) throw new errors.InvalidArgumentError('invalid content-type header')
    lines.push('content-type', given.type)
  }
  return {
    method,
    path,
    headers: lines,
    body: given.body,
    length: lengthOf(method, given, declared),
    source: given.source,
    headersTimeout: options.headersTimeout ?? undefined,
    bodyTimeout: options.bodyTimeout ?? undefined,
    upgrade: options.upgrade === true ? 'Websocket' : options.upgrade || undefined,
    idempotent: options.idempotent ?? (hasIdempotencyKey || isIdempotent(method)),
    replayable: given.body === null || given.body instanceof Uint8Array,
    askClose: close || options.reset === true
  }
}

function checkHead ({ path, method, upgrade }: Options): void {
  if (typeof path !== 'string') throw new errors.InvalidArgumentError('path must be a string')
  if (method !== 'CONNECT' && !/^(?:\/|https?:\/\/)/.test(path)) {
    throw new errors.InvalidArgumentError('path must be an absolute URL or start with a slash')
  }
  if (/[^\x21-\xff]/.test(path)) throw new errors.InvalidArgumentError('invalid request path')
  if (typeof method !== 'string') throw new errors.InvalidArgumentError('method must be a string')
  if (!isToken(method)) throw new errors.InvalidArgumentError('invalid request method')
  // undici's types allow `true`, but its code refuses it; `true` is taken here.
  if (upgrade && upgrade !== true && typeof upgrade !== 'string') throw new errors.InvalidArgumentError('upgrade must be a string')
  if (typeof upgrade === 'string' && !isFieldValue(upgrade)) throw new errors.InvalidArgumentError('invalid upgrade header')
}

function checkTerms ({ headersTimeout, bodyTimeout, reset, expectContinue, throwOnError, maxRedirections, typeOfService }: Options): void {
  if (!isTimeout(headersTimeout)) throw new errors.InvalidArgumentError('invalid headersTimeout')
  if (!isTimeout(bodyTimeout)) throw new errors.InvalidArgumentError('invalid bodyTimeout')
  if (!isFlag(reset)) throw new errors.InvalidArgumentError('invalid reset')
  if (!isFlag(expectContinue)) throw new errors.InvalidArgumentError('invalid expectContinue')
  // undici 7 has interceptors in the place of these two options.
  if (!isAbsent(throwOnError)) throw new errors.InvalidArgumentError('invalid throwOnError')
  if (!isAbsent(maxRedirections) && maxRedirections !== 0) {
    throw new errors.InvalidArgumentError('maxRedirections is not supported, use the redirect interceptor')
  }
  if (!isAbsent(typeOfService) && !(Number.isInteger(typeOfService) && typeOfService >= 0 && typeOfService <= 255)) {
    throw new errors.InvalidArgumentError('typeOfService must be an integer between 0 and 255')
  }
}

function lengthOf (method: string, { body, length }: GivenBody, declared: number | undefined): number | undefined {
  if (body === null) return undefined
  if (length === undefined) return declared
  if (declared !== undefined && declared !== length && !FORGIVING.has(method)) throw new errors.RequestContentLengthMismatchError()
  return length
}

function pathWithQuery (path: string, query: Record<string, unknown>): string {
  if (/[?#]/.test(path)) throw new Error('Query params cannot be passed when url already contains "?" or "#".')
  const text = stringify(query as Parameters<typeof stringify>[0])
  return text === '' ? path : `${path}?${text}`
}

function isTimeout (value: unknown): boolean {
  return isAbsent(value) || (Number.isFinite(value) && (value as number) >= 0)
}

function isFlag (value: unknown): boolean {
  return isAbsent(value) || typeof value === 'boolean'
}

function isAbsent (value: unknown): value is null | undefined {
  return value === null || value === undefined
}
