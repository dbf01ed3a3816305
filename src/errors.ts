/** Whose doing a failure was: what a log line, a metric or an alert should point at. */
export type Blame = 'client' | 'backend' | 'gateway' | 'operator'

interface ErrorKind { statusCode: number, blame: Blame, message: string }

/**
 * Every failure Holdfast reports, once: its code, the status a client gets for it, whose fault it is, and a message that
 * holds no address, port, errno or stack (those stay in `cause`, for the log). Statuses follow RFC 9110 section 15.6:
 * 502 for a backend that answered wrongly or not at all, 503 for work refused for now, 504 for a backend that was too slow.
 */
const KINDS = {
  HOLDFAST_ERR_OPTION: { statusCode: 500, blame: 'operator', message: 'Invalid option' },
  HOLDFAST_ERR_WRONG_ORIGIN: { statusCode: 500, blame: 'operator', message: 'The request names an origin that is not this target\'s' },
  HOLDFAST_ERR_UNKNOWN_TARGET: { statusCode: 500, blame: 'operator', message: 'No target is declared for this origin' },
  HOLDFAST_ERR_UNSENDABLE: { statusCode: 500, blame: 'operator', message: 'The request cannot be written as HTTP/1.1' },
  HOLDFAST_ERR_BODY_READ: { statusCode: 500, blame: 'operator', message: 'The request\'s body was read before it could be forwarded: let nothing read it on proxied routes, or set proxyPayloads to false and leave what was parsed in request.body' },
  HOLDFAST_ERR_CONNECT: { statusCode: 502, blame: 'backend', message: 'The backend could not be reached' },
  HOLDFAST_ERR_UNRESOLVABLE: { statusCode: 502, blame: 'backend', message: 'The backend\'s name could not be resolved' },
  HOLDFAST_ERR_TLS: { statusCode: 502, blame: 'backend', message: 'No trusted TLS connection to the backend could be made' },
  HOLDFAST_ERR_CONNECTION_LOST: { statusCode: 502, blame: 'backend', message: 'The backend closed the connection before its response was complete' },
  HOLDFAST_ERR_INVALID_RESPONSE: { statusCode: 502, blame: 'backend', message: 'The backend\'s response is not valid HTTP' },
  HOLDFAST_ERR_RESPONSE_TOO_LARGE: { statusCode: 502, blame: 'backend', message: 'The backend\'s response is larger than maxResponseSize' },
  HOLDFAST_ERR_QUEUE_FULL: { statusCode: 503, blame: 'gateway', message: 'Too many requests are waiting for this backend' },
  HOLDFAST_ERR_QUEUE_TIMEOUT: { statusCode: 503, blame: 'gateway', message: 'No connection to this backend became free in time' },
  HOLDFAST_ERR_DRAINING: { statusCode: 503, blame: 'gateway', message: 'The gateway is shutting down' },
  HOLDFAST_ERR_TOO_MANY_TARGETS: { statusCode: 503, blame: 'gateway', message: 'Too many backends are in use' },
  HOLDFAST_ERR_TOO_MANY_UPGRADES: { statusCode: 503, blame: 'gateway', message: 'Too many upgraded connections to this backend' },
  HOLDFAST_ERR_CONNECT_TIMEOUT: { statusCode: 504, blame: 'backend', message: 'The backend did not accept a connection in time' },
  HOLDFAST_ERR_HEADERS_TIMEOUT: { statusCode: 504, blame: 'backend', message: 'The backend did not answer in time' },
  HOLDFAST_ERR_BODY_TIMEOUT: { statusCode: 504, blame: 'backend', message: 'The backend stopped in the middle of the exchange' },
  HOLDFAST_ERR_TOTAL_TIMEOUT: { statusCode: 504, blame: 'backend', message: 'The exchange took longer than totalTimeout' },
  HOLDFAST_ERR_CLIENT_GONE: { statusCode: 499, blame: 'client', message: 'The client left before its response was complete' },
  HOLDFAST_ERR_CLIENT_BODY_TIMEOUT: { statusCode: 408, blame: 'client', message: 'The request body did not arrive in time' },
  HOLDFAST_ERR_BODY_LIMIT: { statusCode: 413, blame: 'client', message: 'The request body is too large' },
  HOLDFAST_ERR_BAD_REQUEST: { statusCode: 400, blame: 'client', message: 'The request is not valid HTTP' },
  HOLDFAST_ERR_METHOD: { statusCode: 405, blame: 'client', message: 'This method is not served' },
  HOLDFAST_ERR_EXPECTATION: { statusCode: 417, blame: 'client', message: 'The request expects what is not done here' },
  HOLDFAST_ERR_TOO_MANY_HEADERS: { statusCode: 431, blame: 'client', message: 'The request has too many header lines' },
  HOLDFAST_ERR_UNSUPPORTED_CODING: { statusCode: 501, blame: 'client', message: 'The request\'s Transfer-Encoding has a coding that is not known here' },
  HOLDFAST_ERR_HTTP_VERSION: { statusCode: 505, blame: 'client', message: 'HTTP/1.0 and HTTP/1.1 are spoken here' },
  HOLDFAST_ERR_LOOP: { statusCode: 508, blame: 'operator', message: 'The request has passed this gateway too often' }
} as const satisfies Record<string, ErrorKind>

/** The stable codes of every error that Holdfast makes. */
export type ErrorCode = keyof typeof KINDS

/**
 * An error of Holdfast's. Fastify answers it with `statusCode` and, where the work was only refused for now (503),
 * with a `Retry-After` of whole seconds.
 */
export class HoldfastError extends Error {
  /** Stable, and part of the client's answer. */
  readonly code: ErrorCode
  /** The status of the client's answer. */
  readonly statusCode: number
  /** Who caused the failure. */
  readonly blame: Blame
  /** Response headers; Fastify's default error handler sends them along. */
  readonly headers: Record<string, string> | undefined

  constructor (code: ErrorCode, options: { cause?: unknown, message?: string } = {}) {
    const kind: ErrorKind = KINDS[code]
    super(options.message ?? kind.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'HoldfastError'
    this.code = code
    this.statusCode = kind.statusCode
    this.blame = kind.blame
    this.headers = kind.statusCode === 503 ? { 'retry-after': '1' } : undefined
  }
}

/** An option that cannot be: its message names the option, the value that was given, and the remedy. */
export function optionError (option: string, value: unknown, remedy: string): HoldfastError {
  return new HoldfastError('HOLDFAST_ERR_OPTION', { message: `${option}: ${show(value)} ${remedy}` })
}

function show (value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}

/** A listener for the error of a stream, or of a promise, that has no more to tell. Without a listener, Node ends the process. */
export function ignoreError (): void {}
