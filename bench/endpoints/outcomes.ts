import type { Bounds } from '../instruments/bounds.js'
import { listed } from '../instruments/table.js'
import type { Sent } from './traffic.js'

/** Whether a client got no answer, or a wrong one, or an error. */
export function isFailed ({ code, status }: Sent): boolean {
  return code !== undefined || status === 0 || status >= 500
}

/** What clients got in place of a right answer: `502 HOLDFAST_ERR_CONNECT 3`. */
export function failuresOf (sent: readonly Sent[]): string {
  return countsOf(sent.filter(isFailed).map(({ status, code = '' }) => `${status} ${code}`.trimEnd()))
}

/** No request fails. @param what comes before the bound */
export function holdNoFailure (bounds: Bounds, sent: readonly Sent[], what = ''): void {
  bounds.hold(`${what === '' ? '' : `${what}: `}no request fails`, sent.length > 0 && !sent.some(isFailed), failuresOf(sent))
}

/** How often each of some texts is there: `a 3, b 1`. */
export function countsOf (texts: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return listed(counts)
}
