import { ServerResponse } from 'node:http'

type Send = (data: unknown, encoding?: unknown, callback?: unknown, byteLength?: unknown) => boolean

/** Private members of Node's OutgoingMessage. */
interface Outgoing { _send?: Send, _headerSent?: unknown }

const { _send: send } = ServerResponse.prototype as unknown as Outgoing

/**
 * Makes a response write the bytes of its head as they are. Node writes the head together with the first text of the body, in the
 * encoding of that text: bytes above 0x7f of a header value would be sent as UTF-8. The same happens where the head is flushed alone. If
 * a later version has no `_send`, Node does that again.
 */
export function sendHeadAsLatin1 (response: ServerResponse): void {
  const outgoing = response as unknown as Outgoing
  // HTTP/2 has a response class of its own, which writes the bytes.
  if (send !== undefined && outgoing._send === send) outgoing._send = sendFirst
}

function sendFirst (this: Outgoing, data: unknown, encoding?: unknown, callback?: unknown, byteLength?: unknown): boolean {
  this._send = send!
  if (this._headerSent === true || typeof data !== 'string' || encoding === 'latin1') {
    return send!.call(this, data, encoding, callback, byteLength)
  }
  if (data === '') return send!.call(this, data, 'latin1', callback, byteLength)
  const bytes = Buffer.from(data, typeof encoding === 'string' ? encoding as BufferEncoding : 'utf8')
  return send!.call(this, bytes, undefined, callback, byteLength)
}
