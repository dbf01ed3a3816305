import type { Dispatcher } from 'undici'

type Handler = Dispatcher.DispatchHandler

/** Callbacks of the older dialect that undici's types leave out, or have with other arguments than undici's clients call them with. */
interface OlderHandler {
  onBodySent? (chunk: Uint8Array): void
  onRequestSent? (): void
  onComplete? (trailers: Buffer[]): void
}

// undici's own `request()`, and the `fetch` of Node's versions, use handlers of this dialect (`onConnect` ... `onError`).

/** Whether a handler uses the newer dialect (`onRequestStart` ... `onResponseError`). undici's clients look for the same callback. */
export function speaksNewer (handler: Handler): boolean {
  return handler.onRequestStart !== undefined
}

/**
 * Calls a handler of the older dialect for a piece of the request's body. undici's types have two sizes as its arguments; undici's
 * clients give the piece.
 */
export function tellBodySent (handler: Handler, chunk: Uint8Array): void {
  (handler as OlderHandler).onBodySent?.(chunk)
}

/** Calls a handler of the older dialect once the request is written. undici's types lack this callback. */
export function tellRequestSent (handler: Handler): void {
  (handler as OlderHandler).onRequestSent?.()
}

/** Calls a handler of the older dialect at the end of the response. undici's types have trailers as text; undici's clients give bytes. */
export function tellComplete (handler: Handler, trailers: Buffer[]): void {
  (handler as OlderHandler).onComplete?.(trailers)
}
