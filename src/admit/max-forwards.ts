import type { Refusal, RequestHead } from './request-rules.js'

const ODD_MAX_FORWARDS: Refusal = { code: 'HOLDFAST_ERR_BAD_REQUEST', message: 'The request\'s Max-Forwards is not a number' }

/**
 * A valid Max-Forwards, a refusal of an invalid one, or undefined without the header. Only OPTIONS and TRACE use it. RFC 9110 section
 * 7.6.2.
 */
export function maxForwardsOf (headers: RequestHead['headers']): number | Refusal | undefined {
  const value = headers['max-forwards']
  if (value === undefined) return undefined
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : ODD_MAX_FORWARDS
}

/** Writes the number of hops that are left into both forms of a request's headers. */
export function countDown ({ headers, rawHeaders }: { headers: Record<string, unknown>, rawHeaders: string[] }, left: number): void {
  headers['max-forwards'] = String(left)
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === 'max-forwards') rawHeaders[i + 1] = String(left)
  }
}
