import type { ServerResponse } from 'node:http'

/** Of one response; more of them tell a client nothing that it can use. */
const MOST_HINTS = 16

/**
 * Whether a client is to be sent one more 103 before its response. A hint is nobody's due: it is left out where the client has not yet taken
 * what was written before, where its response stands behind another on the connection and would be kept here, and after some of them.
 *
 * @param sent hints that this response has had
 */
export function takesHint ({ socket }: Pick<ServerResponse, 'socket'>, sent: number): boolean {
  return sent < MOST_HINTS && socket !== null && !socket.destroyed && socket.writableLength === 0
}
