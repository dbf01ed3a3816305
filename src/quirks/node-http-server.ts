import { IncomingMessage } from 'node:http'

/**
 * How many header lines of a request Node keeps where `maxHeadersCount` is not set. Its docs say 2 000, but Node counts a name and its
 * value as two. It leaves further lines out of `headers` without an error.
 */
export const MOST_LINES = 1_000

/**
 * Calls back at the first read of a request's body: by a parser, by a pipe, or by Node itself, which drops the rest of a body behind the
 * answer. Node's docs do not promise that Node does not read before. If a later version reads sooner, this calls back sooner.
 */
export function atFirstRead (message: IncomingMessage, then: () => void): void {
  const read = message._read
  message._read = size => {
    message._read = read
    then()
    read.call(message, size)
  }
}

const kBodyBytes = Symbol('holdfast.body-bytes')
type CountedMessage = IncomingMessage & { [kBodyBytes]?: number }

const { push } = IncomingMessage.prototype

/**
 * Counts the bytes of a request's body as Node reads them: those of its data, without what frames them. Node hands each piece to `push`,
 * which its docs do not promise. If a later version does otherwise, `bodyBytes` says 0.
 */
export function countBody (message: IncomingMessage): void {
  (message as CountedMessage)[kBodyBytes] = 0
  message.push = pushCounted
}

/** The bytes of a body that have been read since `countBody`; 0 for a message that is not counted. */
export function bodyBytes (message: IncomingMessage): number {
  return (message as CountedMessage)[kBodyBytes] ?? 0
}

function pushCounted (this: CountedMessage, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk instanceof Uint8Array) this[kBodyBytes]! += chunk.length
  return push.call(this, chunk, encoding)
}

type ClientError = Error & { readonly code?: string, readonly reason?: string }

/**
 * Whether a 'clientError' comes from the parser, and not from the socket. The parser's codes are those of llhttp, which Node's docs do
 * not list.
 */
export function isParserError ({ code }: ClientError): boolean {
  return code?.startsWith('HPE_') === true
}

/**
 * Whether the parser has refused a version of HTTP that it does not know. The reason is a text of llhttp's. If it changes, the answer is
 * a 400 and not a 505.
 */
export function isUnknownVersion ({ reason }: ClientError): boolean {
  return reason === 'Invalid HTTP version'
}
