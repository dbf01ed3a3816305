/** Whose doing a failure was: what a log line, a metric or an alert should point at. */
export type Blame = 'client' | 'backend' | 'gateway' | 'operator'

interface ErrorKind { statusCode: number, blame: Blame, message: string, remedy: string }

/**
 * Every failure Holdfast reports, once: its code, the status a client gets for it, whose fault it is, a message that holds no address,
 * port, errno or stack (those stay in `cause`, for the log), and what an operator can do about it. docs/errors.md is made from this table.
 * Statuses follow RFC 9110 section 15.6: 502 for a backend that answered wrongly or not at all, 503 for work refused for now, 504 for a
 * backend that was too slow.
 */
const KINDS = {
  HOLDFAST_ERR_OPTION: {
    statusCode: 500,
    blame: 'operator',
    message: 'Invalid option',
    remedy: 'Read the message: it names the option, the value and what to give instead. Where a request got this error, the reason ' +
      'in the log says what replyOptions.getUpstream returned.'
  },
  HOLDFAST_ERR_WRONG_ORIGIN: {
    statusCode: 500,
    blame: 'operator',
    message: 'The request names an origin that is not this target\'s',
    remedy: 'Give the target a path, or a URL of its own origin. interceptors.dns changes the origin, so it cannot be used over a target.'
  },
  HOLDFAST_ERR_UNKNOWN_TARGET: {
    statusCode: 500,
    blame: 'operator',
    message: 'No target is declared for this origin',
    remedy: 'Register a proxy with this origin as its upstream, or have replyOptions.getUpstream return an http: or https: URL.'
  },
  HOLDFAST_ERR_UNKNOWN_ENDPOINT: {
    statusCode: 404,
    blame: 'operator',
    message: 'The target has no such endpoint',
    remedy: 'Give the id or the address of an endpoint as target.endpoints.list() and the admin API show it.'
  },
  HOLDFAST_ERR_NO_ENDPOINT: {
    statusCode: 503,
    blame: 'operator',
    message: 'The target has no endpoint that could take the request',
    remedy: 'Discovery has found none: the log says why. Check the name in upstream, its records or its EndpointSlices, and who may read ' +
      'them. Where getUpstream chose the endpoint, it is no longer listed.'
  },
  HOLDFAST_ERR_UNSENDABLE: {
    statusCode: 500,
    blame: 'operator',
    message: 'The request cannot be written as HTTP/1.1',
    remedy: 'Read the reason in the log: it names the method, path, header or body length that a hook, rewriteRequestHeaders or a ' +
      'caller of the target has set.'
  },
  HOLDFAST_ERR_BODY_READ: {
    statusCode: 500,
    blame: 'operator',
    message: 'The request\'s body was read before it could be forwarded: let nothing read it on proxied routes, or set ' +
      'proxyPayloads to false and leave what was parsed in request.body',
    remedy: 'Let nothing read the body on proxied routes, or set proxyPayloads to false and leave what was parsed in request.body.'
  },
  HOLDFAST_ERR_CONNECT: {
    statusCode: 502,
    blame: 'backend',
    message: 'The backend could not be reached',
    remedy: 'Check that the backend runs and listens where upstream says; the reason in the log has the errno. A refused dial had ' +
      'been tried again for pool.connectRetry.'
  },
  HOLDFAST_ERR_UNRESOLVABLE: {
    statusCode: 502,
    blame: 'backend',
    message: 'The backend\'s name could not be resolved',
    remedy: 'Check the host name in upstream, and the name server that this machine asks.'
  },
  HOLDFAST_ERR_TLS: {
    statusCode: 502,
    blame: 'backend',
    message: 'No trusted TLS connection to the backend could be made',
    remedy: 'Read the reason in the log. Give the issuer of the backend\'s certificate as undiciOptions.connect.ca, and servername ' +
      'where the certificate has another name.'
  },
  HOLDFAST_ERR_CONNECTION_LOST: {
    statusCode: 502,
    blame: 'backend',
    message: 'The backend closed the connection before its response was complete',
    remedy: 'Look into the backend\'s log: it failed, was restarted, or closed the connection under the request.'
  },
  HOLDFAST_ERR_INVALID_RESPONSE: {
    statusCode: 502,
    blame: 'backend',
    message: 'The backend\'s response is not valid HTTP',
    remedy: 'Read the reason in the log. Raise undiciOptions.maxHeaderSize where a head is too large; mend the backend for any ' +
      'other reason.'
  },
  HOLDFAST_ERR_RESPONSE_TOO_LARGE: {
    statusCode: 502,
    blame: 'backend',
    message: 'The backend\'s response is larger than maxResponseSize',
    remedy: 'Raise undiciOptions.maxResponseSize, or leave it out for no limit.'
  },
  HOLDFAST_ERR_QUEUE_FULL: {
    statusCode: 503,
    blame: 'gateway',
    message: 'Too many requests are waiting for this backend',
    remedy: 'Find out why the backend is slow. Raise undiciOptions.connections if it can serve more requests at once, or ' +
      'pool.maxPending if more may wait.'
  },
  HOLDFAST_ERR_QUEUE_TIMEOUT: {
    statusCode: 503,
    blame: 'gateway',
    message: 'No connection to this backend became free in time',
    remedy: 'Find out why the backend is slow. Raise undiciOptions.connections if it can serve more requests at once, or ' +
      'pool.pendingTimeout if requests may wait longer.'
  },
  HOLDFAST_ERR_DRAINING: {
    statusCode: 503,
    blame: 'gateway',
    message: 'The gateway is shutting down',
    remedy: 'Send requests to another replica. Give drain.delay the time that a load balancer needs to see that /health/ready says 503.'
  },
  HOLDFAST_ERR_TOO_MANY_TARGETS: {
    statusCode: 503,
    blame: 'gateway',
    message: 'Too many backends are in use',
    remedy: 'Raise maxDynamicTargets, or have replyOptions.getUpstream choose among fewer origins.'
  },
  HOLDFAST_ERR_TOO_MANY_UPGRADES: {
    statusCode: 503,
    blame: 'gateway',
    message: 'Too many upgraded connections to this backend',
    remedy: 'Raise pool.maxUpgraded if the backend can bear more. Look for clients that open tunnels and never close them.'
  },
  HOLDFAST_ERR_CONNECT_TIMEOUT: {
    statusCode: 504,
    blame: 'backend',
    message: 'The backend did not accept a connection in time',
    remedy: 'Check that the backend\'s host can be reached, and that it accepts connections. Raise undiciOptions.connect.timeout ' +
      'if connecting takes longer.'
  },
  HOLDFAST_ERR_HEADERS_TIMEOUT: {
    statusCode: 504,
    blame: 'backend',
    message: 'The backend did not answer in time',
    remedy: 'Find out why the backend is slow, or raise undiciOptions.headersTimeout.'
  },
  HOLDFAST_ERR_BODY_TIMEOUT: {
    statusCode: 504,
    blame: 'backend',
    message: 'The backend stopped in the middle of the exchange',
    remedy: 'Find out why the backend stopped sending its response or reading the request, or raise undiciOptions.bodyTimeout.'
  },
  HOLDFAST_ERR_TOTAL_TIMEOUT: {
    statusCode: 504,
    blame: 'backend',
    message: 'The exchange took longer than totalTimeout',
    remedy: 'Find out which part of the exchange was slow, or raise totalTimeout for this route.'
  },
  HOLDFAST_ERR_CLIENT_GONE: {
    statusCode: 499,
    blame: 'client',
    message: 'The client left before its response was complete',
    remedy: 'Nothing, where clients leave of their own accord. Where a load balancer in front leaves first, set ' +
      'undiciOptions.headersTimeout below its timeout.'
  },
  HOLDFAST_ERR_CLIENT_BODY_TIMEOUT: {
    statusCode: 408,
    blame: 'client',
    message: 'The request body did not arrive in time',
    remedy: 'Raise clientBodyTimeout for clients that pause, and lower clientMinRate for clients that send slowly; 0 switches either off.'
  },
  HOLDFAST_ERR_BODY_LIMIT: {
    statusCode: 413,
    blame: 'client',
    message: 'The request body is too large',
    remedy: 'Send a smaller body, or raise bodyLimit for this route.'
  },
  HOLDFAST_ERR_BAD_REQUEST: {
    statusCode: 400,
    blame: 'client',
    message: 'The request is not valid HTTP',
    remedy: 'Mend the client: the message says what is wrong with its request.'
  },
  HOLDFAST_ERR_METHOD: {
    statusCode: 405,
    blame: 'client',
    message: 'This method is not served',
    remedy: 'Use another method: TRACE and CONNECT are not served.'
  },
  HOLDFAST_ERR_EXPECTATION: {
    statusCode: 417,
    blame: 'client',
    message: 'The request expects what is not done here',
    remedy: 'Send no Expect but 100-continue.'
  },
  HOLDFAST_ERR_TOO_MANY_HEADERS: {
    statusCode: 431,
    blame: 'client',
    message: 'The request has too many header lines',
    remedy: 'Send fewer header lines, or raise maxHeadersCount of the app\'s server (1 000 lines where it is not set).'
  },
  HOLDFAST_ERR_UNSUPPORTED_CODING: {
    statusCode: 501,
    blame: 'client',
    message: 'The request\'s Transfer-Encoding has a coding that is not known here',
    remedy: 'Send the body with Transfer-Encoding: chunked alone, or with Content-Length.'
  },
  HOLDFAST_ERR_HTTP_VERSION: {
    statusCode: 505,
    blame: 'client',
    message: 'HTTP/1.0 and HTTP/1.1 are spoken here',
    remedy: 'Send the request as HTTP/1.1.'
  },
  HOLDFAST_ERR_LOOP: {
    statusCode: 508,
    blame: 'operator',
    message: 'The request has passed this gateway too often',
    remedy: 'Look for a backend that sends requests back to this gateway. Raise maxHops where requests pass several Holdfast ' +
      'gateways on purpose.'
  }
} as const satisfies Record<string, ErrorKind>

/** The stable codes of every error that Holdfast makes. */
export type ErrorCode = keyof typeof KINDS

/** The table, for what is made from it. */
export const ERRORS: Readonly<Record<ErrorCode, Readonly<ErrorKind>>> = KINDS

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
