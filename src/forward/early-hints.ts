import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { responseHeaders } from '../http/headers.js'
import { lowerCased } from '../http/response-head.js'

/** For one response. More hints are of no use to a client. */
const MOST_HINTS = 16

/**
 * Relays a backend's 103, unless `takesHint` forbids it, the response has begun, or the client knows no interim responses.
 *
 * @param lines names and values in turn
 * @param sent hints that this response has had
 * @param via whether `Via` names this gateway
 * @returns whether the hint counts against the bound of hints, also where Node could not read its Link and nothing was written
 */
export function relayHint ({ raw: response, sent: replied, request }: FastifyReply, lines: string[], sent: number, via: boolean): boolean {
  if (replied || response.headersSent) return false
  // RFC 9110 section 15.2: an HTTP/1.0 client knows no 1xx. Hints are relayed to HTTP/1.1 clients alone.
  if (request.raw.httpVersion !== '1.1' || !takesHint(response, sent)) return false
  try {
    response.writeEarlyHints(responseHeaders(lowerCased(lines), via))
  } catch {
    // Node throws for a Link that it cannot read. The hint is left out: a client must not rely on one.
  }
  return true
}

/**
 * Whether a client gets one more 103 before its response. Hints are optional, so one is left out where the client has not yet taken what
 * was written before, where the response waits behind another on its connection (the hint would be held here), and after 16 of them.
 *
 * @param sent hints that this response has had
 */
export function takesHint ({ socket }: Pick<ServerResponse, 'socket'>, sent: number): boolean {
  return sent < MOST_HINTS && socket !== null && !socket.destroyed && socket.writableLength === 0
}
