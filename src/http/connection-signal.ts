/**
 * What a response says about the life of the connection it came on: RFC 9112 section 9.3 (persistence), and the
 * `Keep-Alive` header of RFC 2068 section 19.7.1, which servers still send.
 */
export interface PersistenceSignal {
  /** Whether the connection may carry another request after this response. */
  readonly persistent: boolean
  /** The part of the response that says so, to show to people: `Connection: close`, `HTTP/1.0`, ... */
  readonly cause: string
  /**
   * `Keep-Alive: timeout=`, in ms: how long the backend claims to keep an idle connection. It is sent in whole seconds: 0 means less than 1
   * s.
   */
  readonly timeout: number | undefined
  /** `Keep-Alive: max=`: how many more requests the backend claims to take on this connection. */
  readonly max: number | undefined
}

const HTTP_11: PersistenceSignal = { persistent: true, cause: 'HTTP/1.1', timeout: undefined, max: undefined }
const HTTP_11_KEEP_ALIVE: PersistenceSignal = { ...HTTP_11, cause: 'Connection: keep-alive' }
const HTTP_11_CLOSE: PersistenceSignal = { ...HTTP_11, persistent: false, cause: 'Connection: close' }
const HTTP_10: PersistenceSignal = { ...HTTP_11, persistent: false, cause: 'HTTP/1.0' }

/**
 * Reads the signal of one response.
 *
 * @param minor 0 for HTTP/1.0, 1 for HTTP/1.1
 * @param connection the values of all `Connection` lines joined by a comma, or undefined
 * @param keepAlive the values of all `Keep-Alive` lines joined by a comma, or undefined
 */
export function readSignal (minor: 0 | 1, connection: string | undefined, keepAlive: string | undefined): PersistenceSignal {
  let plain = minor === 1 ? HTTP_11 : HTTP_10
  if (connection !== undefined) {
    if (hasToken(connection, 'close')) return HTTP_11_CLOSE
    if (hasToken(connection, 'keep-alive')) plain = HTTP_11_KEEP_ALIVE
  }
  if (keepAlive === undefined || !plain.persistent) return plain
  const timeout = parameter(keepAlive, 'timeout')
  const max = parameter(keepAlive, 'max')
  return { persistent: true, cause: plain.cause, timeout: timeout === undefined ? undefined : timeout * 1000, max }
}

/** Whether a comma-separated list, such as the value of `Connection`, has a token. Whole tokens are compared, without regard to case. */
export function hasToken (list: string, token: string): boolean {
  if (list.length === token.length) return list.toLowerCase() === token
  if (list.length < token.length) return false
  if (!list.includes(',')) return list.trim().toLowerCase() === token
  for (const part of list.toLowerCase().split(',')) {
    if (part.trim() === token) return true
  }
  return false
}

// The longest delay that a timer takes, in seconds. A larger value means no limit.
const MAX_SECONDS = 2_147_483

function parameter (list: string, name: string): number | undefined {
  for (const part of list.split(',')) {
    const equals = part.indexOf('=')
    if (equals === -1 || part.slice(0, equals).trim().toLowerCase() !== name) continue
    const value = part.slice(equals + 1).trim().replace(/^"(.*)"$/, '$1')
    if (!/^\d{1,15}$/.test(value)) return undefined
    return Math.min(Number(value), MAX_SECONDS)
  }
  return undefined
}
