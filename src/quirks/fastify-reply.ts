import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { ownSymbol } from './fastify-scope.js'

type Headers = Record<string, string | string[]>

const HEADERS = 'fastify.reply.headers'
let headersKey: symbol | undefined

/**
 * Makes a record the headers of a reply that has none of its own so far, and tells whether it did. `reply.headers()`
 * would copy them one by one, which with 40 lines takes a twentieth of a request's time. The record is the reply's
 * from then on, and changes with it.
 *
 * False where the app has put headers on the reply, or where a later version of Fastify keeps them elsewhere: then
 * they have to be set one by one.
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
 * Sends text under the Content-Type that the reply has. Fastify would put `charset=utf-8` into a JSON type; it does
 * not for a reply with a serializer. Should it do so one day, or serialize text twice, the type has a charset more,
 * or the text quotes around it.
 */
export function sendText (reply: FastifyReply, text: string): void {
  reply.serializer(asItIs).send(text)
}

// For this one payload: an error handler may send another in its place. Fastify takes null for none, which its types
// do not say.
function asItIs (this: FastifyReply, payload: unknown): string {
  this.serializer(null as unknown as typeof asItIs)
  return payload as string
}

/**
 * Sends a stream whose head leaves at once, unless the stream fails before. Node keeps a head until the body begins,
 * which may be long: an event stream is open from its head on. Fastify puts the head on node's response and then
 * pipes the stream into that. Should it do otherwise one day, the head leaves with the first piece of the body.
 */
export function sendStreamWithHead (reply: FastifyReply, stream: Readable): void {
  const { raw } = reply
  // A failure meanwhile has another head.
  raw.once('pipe', () => { if (!stream.destroyed) raw.flushHeaders() })
  reply.send(stream)
}
