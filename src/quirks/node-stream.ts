import type { Readable } from 'node:stream'

interface State { readonly ended?: unknown, readonly pipes?: readonly unknown[] }
type WithState = Readable & { readonly _readableState?: State }

/**
 * Whether a stream holds all that its source has, so that `readableLength` is what is left of it. Node has no public
 * name for that. False where a later version has another one.
 */
export function holdsItsEnd (stream: Readable): boolean {
  return (stream as WithState)._readableState?.ended === true
}

/** What a stream is piped into. Node has no public name for that. None where a later version has another one. */
export function pipedInto (stream: Readable): readonly unknown[] {
  return (stream as WithState)._readableState?.pipes ?? []
}
