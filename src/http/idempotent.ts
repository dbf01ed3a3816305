const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'SEARCH', 'QUERY', 'REPORT'])

/** RFC 9110 section 9.2.2, and the registered safe methods. */
export function isIdempotent (method: string): boolean {
  return IDEMPOTENT.has(method)
}
