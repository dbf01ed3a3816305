import type { HeaderList } from './headers.js'

// These schemes authenticate a connection, and so every later request on it, from whatever client (RFC 4559 section 5, MS-NTHT).
const CREDENTIALS = /^\s*(?:ntlm|negotiate)(?:\s|$)/i
const CHALLENGE = /(?:^|,)\s*(?:ntlm|negotiate)(?:[\s,]|$)/i
const AUTHORIZATION = 'authorization'

/**
 * Whether a request's headers authenticate the connection that carries the request.
 *
 * @param headers names and values in turn, or a record: both forms that undici's `dispatch` takes
 */
export function authenticatesConnection (headers: unknown): boolean {
  if (headers === null || typeof headers !== 'object') return false
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) if (isCredentials(headers[i], headers[i + 1])) return true
    return false
  }
  for (const name of Object.keys(headers)) if (isCredentials(name, (headers as Record<string, unknown>)[name])) return true
  return false
}

/** Whether a response asks the client to authenticate its connection. @param list names in lower case and values, in turn */
export function challengesConnection (status: number, list: HeaderList): boolean {
  if (status !== 401 && status !== 407) return false
  for (let i = 0; i < list.length; i += 2) {
    if ((list[i] === 'www-authenticate' || list[i] === 'proxy-authenticate') && CHALLENGE.test(list[i + 1]!)) return true
  }
  return false
}

// Most names have another length, so comparing lengths first saves `toLowerCase`.
function isCredentials (name: unknown, value: unknown): boolean {
  return typeof name === 'string' && name.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION && CREDENTIALS.test(String(value))
}
