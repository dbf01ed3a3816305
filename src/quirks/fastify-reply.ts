import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { ownSymbol } from './fastify-scope.js'

type Headers = Record<string, string | string[]>

const HEADERS = 'fastify.reply.headers'
let headersKey: symbol | undefined

/**
 * Makes a record the headers of a reply that has no headers so far, and returns whether it did. `reply.headers()` copies them one by one,
 * which takes a twentieth of a request's time with 40 lines. The reply owns the record from then on, and changes it.
 *
 * Returns false where the app has put headers on the reply, or where a later Fastify keeps them elsewhere: then set them one by one.
 *
 * @param headers with names in lower case
 */
export function giveHeaders (reply: object, headers: Headers): boolean {
  headersKey ??= ownSymbol(reply, HEADERS)
  if (headersKey === undefined) return false
  const keeping = reply as Record<symbol, Headers | undefined>
  const own = keeping[headersKey]
  if (own === undefined) return false
  for (const name in own) if (own[name] !== undefined) return false
  keeping[headersKey] = headers
  return true
}

/**
 * Sends text with the Content-Type that the reply has. Fastify adds `charset=utf-8` to a JSON type, but not for a reply with a serializer
 * of its own. If a later version does it all the same, clients get a charset that the backend did not send.
 */
export function sendText (reply: FastifyReply, text: string): void {
  reply.serializer(asItIs).send(text)
}

// It serves one payload only, since an error handler may send another in its place. Fastify takes null for no serializer, which its types
// do not allow.
function asItIs (this: FastifyReply, payload: unknown): string {
  this.serializer(null as unknown as typeof asItIs)
  return payload as string
}

/**
 * Sends a stream, and flushes the head at once. Node holds a head back until the body begins. Fastify puts the head on Node's response
 * and then pipes the stream into it, which its docs do not promise. If a later version does otherwise, the head leaves with the first
 * piece of the body.
 */
export function sendStreamWithHead (reply: FastifyReply, stream: Readable): void {
  const { raw } = reply
  // After a failure, the head is that of another answer.
  raw.once('pipe', () => { if (!stream.destroyed) raw.flushHeaders() })
  reply.send(stream)
}
