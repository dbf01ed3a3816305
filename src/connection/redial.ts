import type { HoldfastError } from '../errors.js'
import { wasRefused } from './dial.js'
import type { Ticket } from './waiting-queue.js'

// A refused dial is tried again after 50 to 150 ms: early enough for a backend that restarts, and spread over time.
const DELAY = 50
const JITTER = 100

/**
 * How long until a failed dial is tried again for its ticket, in ms; undefined where it is not tried again. Sets `retryUntil` of the
 * ticket.
 *
 * @param when when the dial began, the time now, and how long after its first dial a ticket may dial again, in ms
 */
export function redialAfter (ticket: Ticket, error: HoldfastError, when: { began: number, now: number, within: number }): number | undefined {
  if (ticket.retryUntil === 0) ticket.retryUntil = when.began + when.within
  const delay = redialDelay()
  return wasRefused(error) && when.now + delay < ticket.retryUntil ? delay : undefined
}

/** How long until a refused dial is tried again, in ms. */
export function redialDelay (): number {
  return DELAY + Math.random() * JITTER
}
