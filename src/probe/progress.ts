import { formatMeasured, formatSet } from './duration.js'
import type { Measurements } from './measurements.js'
import { smallestClose } from './measurements.js'

/** What is known so far, in one line. */
export function progressOf ({ maxWait, firsts, idle, requests }: Measurements, elapsedMs: number): string {
  const clock = `${Math.round(elapsedMs / 1_000)} s`
  if (firsts.length === 0) return `${clock}: waiting for the first answer`
  if (idle === undefined) return `${clock}: are connections kept?`
  const parts = [`${idle.opened - idle.closes.length} connections idle`]
  if (idle.closes.length > 0) parts.push(`${idle.closes.length} closed, the first after ${formatMeasured(smallestClose(idle)!)}`)
  if (requests !== undefined) parts.push(`${requests.tried} requests on one`)
  return `${clock} of ${formatSet(maxWait)} at most: ${parts.join(', ')}`
}
