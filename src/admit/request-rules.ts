import type { ErrorCode } from '../errors.js'

/** Why a request is refused. Without a message, that of the code is used. */
export interface Refusal { readonly code: ErrorCode, readonly message?: string }

/** What the rules read of Node's IncomingMessage. */
export interface RequestHead {
  readonly method?: string
  readonly url?: string
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly rawHeaders: readonly string[]
}

// RFC 3986 section 3.2.2, without the comma: a proxy in front may have joined two Host lines by one.
const HOST = /^(?:(?:[\w.~!$&'()*+;=-]|%[\da-f]{2})+|\[(?=[\da-f.]*:)[\da-f:.]+\])(?::(?:6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|\d{0,4}))?$/i
const ABSOLUTE = /^https?:\/\/([^/?#]*)((?:[/?#].*)?)$/is
// The rules refuse no path without one of these.
const DOUBTFUL = /[%\\#]|\.\./
const BROKEN_ESCAPE = /%(?![\da-f]{2})/i
// Some servers take parameters off segments, and read `..;x` as `..`.
const LEAVES = /(?:^|\/)\.\.(?:[/;]|$)/

const bad = (message: string): Refusal => ({ code: 'HOLDFAST_ERR_BAD_REQUEST', message })
const NO_HOST = bad('The request has no Host')
const SEVERAL_HOSTS = bad('The request has more than one Host')
const ODD_HOST = bad('The request\'s Host is not a host')
const OTHER_HOST = bad('The request\'s target and its Host name different hosts')
const CODING_IN_1_0 = bad('HTTP/1.0 has no Transfer-Encoding')
const NOT_ONCE_CHUNKED = bad('The request\'s Transfer-Encoding is not exactly one chunked')
const ODD_TARGET = bad('The request\'s target is not a path')
const FRAGMENT = bad('The request\'s target has a fragment')
const BACKSLASH = bad('The request\'s path has a backslash')
const ESCAPE = bad('The request\'s path has a broken escape')
const NUL = bad('The request\'s path has a NUL')
const DOTS = bad('The request\'s path has a segment of two dots')
const CODING: Refusal = { code: 'HOLDFAST_ERR_UNSUPPORTED_CODING' }
const VERSION: Refusal = { code: 'HOLDFAST_ERR_HTTP_VERSION' }
const TOO_MANY: Refusal = { code: 'HOLDFAST_ERR_TOO_MANY_HEADERS' }
const METHOD: Refusal = { code: 'HOLDFAST_ERR_METHOD' }
const EXPECTATION: Refusal = { code: 'HOLDFAST_ERR_EXPECTATION' }

/**
 * Why a request is refused, or undefined where it is not. Node's own parser has refused these before: Content-Length with
 * Transfer-Encoding, several or invalid Content-Lengths, a last coding other than chunked, folded lines, bare CR and LF, control
 * characters. RFC 9110 sections 7.2, 7.6.2, 9.3.8 and 10.1.1, RFC 9112 sections 2.3, 3.2 and 6.1.
 *
 * @param http1 whether the request came on an HTTP/1 socket, whatever version it claims
 * @param mostLines the most header lines of which Node drops none
 */
export function refusalOf (head: RequestHead, http1: boolean, mostLines: number): Refusal | undefined {
  const { method, url, headers } = head
  const refusal = http1 ? http1RefusalOf(head, mostLines) : http2RefusalOf(head)
  if (refusal !== undefined) return refusal
  if (method === 'TRACE' || method === 'CONNECT') return METHOD
  const { expect } = headers
  if (expect !== undefined && (typeof expect !== 'string' || expect.toLowerCase() !== '100-continue')) return EXPECTATION
  return targetRefusalOf(url!, method, hostOf(headers))
}

/**
 * The path of an absolute request target, RFC 9112 section 3.2.2; `*` for an absolute one without a path under OPTIONS. Others stay as they
 * are.
 */
export function originForm (url: string, method: string | undefined): string {
  const rest = ABSOLUTE.exec(url)?.[2]
  if (rest === undefined || rest.startsWith('/')) return rest ?? url
  return rest === '' && method === 'OPTIONS' ? '*' : `/${rest}`
}

/** Whether a value is a host with or without a port, RFC 9110 section 7.2. */
export function isHost (value: string): boolean {
  return HOST.test(value)
}

function http1RefusalOf ({ httpVersionMajor, httpVersionMinor, headers, rawHeaders }: RequestHead, mostLines: number): Refusal | undefined {
  if (httpVersionMajor !== 1 || httpVersionMinor > 1) return VERSION
  if (rawHeaders.length > mostLines * 2) return TOO_MANY
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding !== 'chunked') {
    const refusal = codingRefusalOf(String(coding))
    if (refusal !== undefined) return refusal
  }
  if (coding !== undefined && httpVersionMinor === 0) return CODING_IN_1_0
  const { host } = headers
  // RFC 9112 section 3.2 demands a Host of HTTP/1.1 only, and HTTP/1.0 health checks of load balancers have none.
  if (host === undefined) return httpVersionMinor === 0 ? undefined : NO_HOST
  if (typeof host !== 'string' || !isHost(host)) return ODD_HOST
  // In `headers`, Node keeps the first Host only. The lines show whether there are more.
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === 'host' && ++hosts > 1) return SEVERAL_HOSTS
  }
  return undefined
}

function http2RefusalOf ({ headers }: RequestHead): Refusal | undefined {
  const authority = headers[':authority']
  const { host } = headers
  if (authority === undefined && host === undefined) return NO_HOST
  const named = hostOf(headers)
  if (named === undefined || !isHost(named)) return ODD_HOST
  // RFC 9113 section 8.3.1.
  return authority !== undefined && host !== undefined && String(host).toLowerCase() !== named.toLowerCase() ? OTHER_HOST : undefined
}

function hostOf (headers: RequestHead['headers']): string | undefined {
  const host = headers[':authority'] ?? headers['host']
  return typeof host === 'string' ? host : undefined
}

function codingRefusalOf (value: string): Refusal | undefined {
  const codings = value.toLowerCase().split(',').map(coding => coding.trim())
  if (codings.some(coding => coding !== 'chunked' && coding !== '')) return CODING
  return codings.length === 1 && codings[0] === 'chunked' ? undefined : NOT_ONCE_CHUNKED
}

function targetRefusalOf (url: string, method: string | undefined, host: string | undefined): Refusal | undefined {
  if (url.charCodeAt(0) === SLASH) return DOUBTFUL.test(url) ? pathRefusalOf(url) : undefined
  if (url === '*') return method === 'OPTIONS' ? undefined : ODD_TARGET
  const [, authority, rest] = ABSOLUTE.exec(url) ?? []
  if (authority === undefined) return ODD_TARGET
  if (authority.toLowerCase() !== host?.toLowerCase()) return OTHER_HOST
  return pathRefusalOf(rest!)
}

const SLASH = 47

function pathRefusalOf (url: string): Refusal | undefined {
  if (url.includes('#')) return FRAGMENT
  const question = url.indexOf('?')
  const path = question === -1 ? url : url.slice(0, question)
  if (!DOUBTFUL.test(path)) return undefined
  if (path.includes('\\')) return BACKSLASH
  if (BROKEN_ESCAPE.test(path)) return ESCAPE
  if (path.includes('%00')) return NUL
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return ESCAPE
  }
  return LEAVES.test(decoded.replaceAll('\\', '/')) ? DOTS : undefined
}
