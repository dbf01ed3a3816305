import { ServerResponse } from 'node:http'

type Send = (data: unknown, encoding?: unknown, callback?: unknown, byteLength?: unknown) => boolean

/** Of node's OutgoingMessage, what it keeps for itself. */
interface Outgoing { _send?: Send, _headerSent?: unknown }

const { _send: send } = ServerResponse.prototype as unknown as Outgoing

/**
 * Has the bytes of a response's head be written as they are, whatever comes first behind it: node writes the head together with the first text of
 * the body, in the encoding of that. Bytes above 0x7f of a header value would be UTF-8 then, and so they would where the head is flushed alone.
 */
export function sendHeadAsLatin1 (response: ServerResponse): void {
  const outgoing = response as unknown as Outgoing
  // HTTP/2 has a response class of its own, which does it right.
  if (send !== undefined && outgoing._send === send) outgoing._send = sendFirst
}

function sendFirst (this: Outgoing, data: unknown, encoding?: unknown, callback?: unknown, byteLength?: unknown): boolean {
  this._send = send!
  if (this._headerSent === true || typeof data !== 'string' || encoding === 'latin1') return send!.call(this, data, encoding, callback, byteLength)
  if (data === '') return send!.call(this, data, 'latin1', callback, byteLength)
  return send!.call(this, Buffer.from(data, typeof encoding === 'string' ? encoding as BufferEncoding : 'utf8'), undefined, callback, byteLength)
}
