import type { Readable } from 'node:stream'

interface State { readonly ended?: unknown, readonly pipes?: readonly unknown[] }
type WithState = Readable & { readonly _readableState?: State }

/**
 * Whether a stream's source has ended, so that `readableLength` is all that is left to read. Node has no public property for that. If a
 * later version has no such state, the result is false.
 */
export function holdsItsEnd (stream: Readable): boolean {
  return (stream as WithState)._readableState?.ended === true
}

/**
 * The streams that a stream is piped into. Node has no public property for that. If a later version has no such state, there are none.
 */
export function pipedInto (stream: Readable): readonly unknown[] {
  return (stream as WithState)._readableState?.pipes ?? []
}
