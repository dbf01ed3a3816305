import type { Dispatcher } from 'undici'

type Handler = Dispatcher.DispatchHandler

/** What undici's types leave out of the older dialect, or have otherwise. */
interface OlderHandler {
  onBodySent? (chunk: Uint8Array): void
  onRequestSent? (): void
  onComplete? (trailers: Buffer[]): void
}

// Handlers of the older dialect (`onConnect` ... `onError`) are in the docs as deprecated, and undici's own `request`
// and Node's own `fetch` speak it. Its types have other arguments than its clients give.

/** Whether a handler speaks the newer dialect: undici's clients look for this callback too. */
export function speaksNewer (handler: Handler): boolean {
  return handler.onRequestStart !== undefined
}

/**
 * Tells a handler of the older dialect of a piece of the body that is on its way. The types have sizes for it;
 * undici's clients give the piece.
 */
export function tellBodySent (handler: Handler, chunk: Uint8Array): void {
  (handler as OlderHandler).onBodySent?.(chunk)
}

/** Tells a handler of the older dialect that all of the request is on its way. No types have it. */
export function tellRequestSent (handler: Handler): void {
  (handler as OlderHandler).onRequestSent?.()
}

/**
 * Tells a handler of the older dialect of the end. The types have text for the trailers; undici's clients give bytes.
 */
export function tellComplete (handler: Handler, trailers: Buffer[]): void {
  (handler as OlderHandler).onComplete?.(trailers)
}
