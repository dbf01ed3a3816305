import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReply, RawServerBase, RouteGenericInterface } from 'fastify'
import type { Provenance } from '../connection/observer.js'
import { onClientGone, tellsOfItsEnd } from './client-exchange.js'

/** The forwarding that a response belongs to. */
export interface TrackedForwarding {
  readonly provenance: Provenance | undefined
  /** The client has gone, or has its answer. */
  clientClosed (): void
}

const kForwarding = Symbol('holdfast.forward')
type TrackedResponse = ServerResponse & { [kForwarding]?: TrackedForwarding }

/**
 * How the request of a proxied reply has travelled so far, for an app's `onSend` and `onResponse` hooks. Undefined where no target was
 * asked: on a route of the app's own, and for a request that was refused before.
 *
 * @param reply a reply of any Fastify instance: of HTTP/1 or HTTP/2
 */
export function provenanceOf (reply: Pick<FastifyReply<RouteGenericInterface, RawServerBase>, 'raw'>): Provenance | undefined {
  return (reply.raw as TrackedResponse)[kForwarding]?.provenance
}

/**
 * Gives a response its forwarding, and calls `clientClosed` once the response has finished or its client has gone.
 *
 * @returns undoes what `untrack` does not undo; undefined where there is no such thing, as for most requests
 */
export function track (message: IncomingMessage, response: TrackedResponse, forwarding: TrackedForwarding): (() => void) | undefined {
  response[kForwarding] = forwarding
  if (!tellsOfItsEnd(message, response)) return onClientGone(message, response, () => forwarding.clientClosed())
  // One function for all responses, since a function made here would cost each request an allocation.
  response.on('close', onResponseClose)
  return undefined
}

/** Stops listening for the response's end. The forwarding stays the response's. */
export function untrack (response: ServerResponse): void {
  response.off('close', onResponseClose)
}

function onResponseClose (this: TrackedResponse): void {
  this[kForwarding]?.clientClosed()
}
