import type { IncomingMessage } from 'node:http'

/**
 * Header lines of a request that Node keeps where `maxHeadersCount` is not set. Its docs say 2 000; it counts a name
 * and its value as two. What is more than that is missing from `headers`, and nothing tells of it.
 */
export const MOST_LINES = 1_000

/**
 * Calls back when a request's body is first read, by a parser, a pipe, or Node itself, which reads what is left of a
 * body behind its answer. Before that Node does not read it, which its docs do not promise. Should it begin sooner
 * one day, this is called sooner.
 */
export function atFirstRead (message: IncomingMessage, then: () => void): void {
  const read = message._read
  message._read = size => {
    message._read = read
    then()
    read.call(message, size)
  }
}

type ClientError = Error & { readonly code?: string, readonly reason?: string }

/**
 * Whether a 'clientError' is one of the parser's, and not of the socket. Its codes are those of llhttp, which no docs
 * list.
 */
export function isParserError ({ code }: ClientError): boolean {
  return code?.startsWith('HPE_') === true
}

/**
 * Whether the parser refused an HTTP version that it does not know. The reason is llhttp's own text; should it
 * change, the answer is a 400, not a 505.
 */
export function isUnknownVersion ({ reason }: ClientError): boolean {
  return reason === 'Invalid HTTP version'
}
