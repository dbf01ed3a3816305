import { HoldfastError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import { isMemberList } from './member-list.js'

/** What this gateway says about one response. */
export interface ProxyStatus {
  /**
   * The id of the endpoint that was chosen, a token. RFC 9209 section 2.1.2 allows an alias here. An address would tell clients where
   * backends are, and nothing else that they receive does so.
   */
  readonly nextHop?: string | undefined
  /** An error type of RFC 9209 section 2.3, where the gateway made the response. */
  readonly error?: string
  /** The backend's status, where the response comes from the backend. */
  readonly receivedStatus?: number
  /** Text for people. */
  readonly details?: string | undefined
}

// RFC 9209 section 2.3.
const ERROR_TYPES: Record<ErrorCode, string> = {
  HOLDFAST_ERR_OPTION: 'proxy_configuration_error',
  HOLDFAST_ERR_WRONG_ORIGIN: 'proxy_configuration_error',
  HOLDFAST_ERR_UNKNOWN_TARGET: 'destination_not_found',
  HOLDFAST_ERR_UNKNOWN_ENDPOINT: 'destination_not_found',
  HOLDFAST_ERR_NO_ENDPOINT: 'destination_unavailable',
  HOLDFAST_ERR_UNSENDABLE: 'proxy_internal_error',
  HOLDFAST_ERR_BODY_READ: 'proxy_internal_error',
  HOLDFAST_ERR_CONNECT: 'destination_unavailable',
  HOLDFAST_ERR_UNRESOLVABLE: 'dns_error',
  HOLDFAST_ERR_TLS: 'tls_protocol_error',
  HOLDFAST_ERR_CONNECTION_LOST: 'connection_terminated',
  HOLDFAST_ERR_INVALID_RESPONSE: 'http_protocol_error',
  HOLDFAST_ERR_RESPONSE_TOO_LARGE: 'http_response_body_size',
  HOLDFAST_ERR_QUEUE_FULL: 'connection_limit_reached',
  HOLDFAST_ERR_QUEUE_TIMEOUT: 'connection_limit_reached',
  // The gateway answers these without asking the backend.
  HOLDFAST_ERR_DRAINING: 'proxy_internal_response',
  HOLDFAST_ERR_TOO_MANY_TARGETS: 'proxy_internal_response',
  HOLDFAST_ERR_TOO_MANY_UPGRADES: 'connection_limit_reached',
  HOLDFAST_ERR_CONNECT_TIMEOUT: 'connection_timeout',
  HOLDFAST_ERR_HEADERS_TIMEOUT: 'connection_read_timeout',
  // A client whose response has begun gets no Proxy-Status. So this code reaches a client only where the backend did not read the request.
  HOLDFAST_ERR_BODY_TIMEOUT: 'connection_write_timeout',
  HOLDFAST_ERR_TOTAL_TIMEOUT: 'http_response_timeout',
  HOLDFAST_ERR_CLIENT_GONE: 'http_request_error',
  HOLDFAST_ERR_CLIENT_BODY_TIMEOUT: 'http_request_error',
  HOLDFAST_ERR_BODY_LIMIT: 'http_request_error',
  HOLDFAST_ERR_BAD_REQUEST: 'http_request_error',
  HOLDFAST_ERR_METHOD: 'http_request_error',
  HOLDFAST_ERR_EXPECTATION: 'http_request_error',
  HOLDFAST_ERR_TOO_MANY_HEADERS: 'http_request_error',
  HOLDFAST_ERR_UNSUPPORTED_CODING: 'http_request_error',
  HOLDFAST_ERR_HTTP_VERSION: 'http_request_error',
  HOLDFAST_ERR_LOOP: 'proxy_loop_detected'
}

// The codes of OpenSSL and Node for a faulty backend certificate. ERR_SSL_* codes are about the handshake, and about the gateway's own
// certificate.
const CERTIFICATE = /^(?!ERR_SSL).*(?:CERT|CRL|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/
const CONNECT_CAUSES = new Map([
  ['ECONNREFUSED', 'connection_refused'],
  // A unix socket that does not exist.
  ['ENOENT', 'connection_refused'],
  ['ECONNRESET', 'connection_terminated'],
  ['EHOSTUNREACH', 'destination_ip_unroutable'],
  ['ENETUNREACH', 'destination_ip_unroutable']
])

/**
 * The RFC's name for a failure. An error that is not the gateway's own comes from a hook of the app.
 *
 * @param responseStarted whether a part of a response had come
 */
export function proxyErrorType (error: unknown, responseStarted: boolean): string {
  if (!(error instanceof HoldfastError)) return 'proxy_internal_error'
  const { code } = error
  const cause = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? ''
  if (code === 'HOLDFAST_ERR_CONNECTION_LOST' && responseStarted) return 'http_response_incomplete'
  if (code === 'HOLDFAST_ERR_TLS' && CERTIFICATE.test(cause)) return 'tls_certificate_error'
  return (code === 'HOLDFAST_ERR_CONNECT' ? CONNECT_CAUSES.get(cause) : undefined) ?? ERROR_TYPES[code]
}

/**
 * A `Proxy-Status` with this gateway as its last member, which is the member nearest to the client (RFC 9209 section 2). The backend's
 * members go before it. A backend's value with a syntax error is dropped, since it would make the whole field unreadable (RFC 8941 section
 * 4.2).
 *
 * @param before the lines that came with the response
 */
export function withProxyStatus (before: string | string[] | undefined, { nextHop, error, receivedStatus, details }: ProxyStatus): string {
  let member = 'holdfast'
  if (nextHop !== undefined) member += `; next-hop=${nextHop}`
  if (error !== undefined) member += `; error=${error}`
  if (receivedStatus !== undefined) member += `; received-status=${receivedStatus}`
  if (details !== undefined) member += `; details=${quoted(details)}`
  const list = Array.isArray(before) ? before.join(', ') : before
  return typeof list === 'string' && isMemberList(list) ? `${list.trim()}, ${member}` : member
}

// Characters that a string of RFC 8941 cannot hold are removed.
function quoted (text: string): string {
  return `"${text.replace(/[^ -~]/g, '').replace(/["\\]/g, '\\$&')}"`
}
