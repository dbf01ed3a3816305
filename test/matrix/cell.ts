/** How far a forwarding has come when the cause strikes: steps of docs/internals.md, and `onResponse` for a route's own. */
export const STEPS = ['admit', 'collect', 'queue', 'dial', 'exchange', 'head', 'onResponse', 'body', 'after'] as const
export type Step = typeof STEPS[number]

export const PROTOCOLS = ['http1', 'pipelined', 'http2', 'inject', 'target.request'] as const
export type Protocol = typeof PROTOCOLS[number]

/** `parsed`: by Fastify, before it is forwarded. `hook`: a preParsing hook has replaced the body by a stream. */
export const BODIES = ['none', 'held', 'streamed', 'parsed', 'hook'] as const
export type Body = typeof BODIES[number]

/** One way for a forwarding to end: a cause, a step, a protocol and a body. */
export interface Cell {
  readonly cause: string
  readonly step: Step
  readonly protocol: Protocol
  readonly body: Body
}

export function nameOf ({ cause, step, protocol, body }: Cell): string {
  return `${cause} / ${step} / ${protocol} / ${body}`
}

/** Bodies above this many bytes stream. */
export const REPLAY_LIMIT = 1_024
/** The limit that a cell tests, in ms. Other limits are long, so that a timer that is left over is found. */
export const LIMIT = 500
export const LONG = 30_000

/** Size of the backend's response, in bytes. The first piece is sent if a cell stops in the body. */
export const RESPONSE_SIZE = 40_000
export const RESPONSE_PIECE = 1_000

/** A request's body in two parts: the first is sent at once, the rest after the cause has struck. */
export interface Upload { readonly method: 'GET' | 'POST', readonly type: string, readonly first: string, readonly rest: string, readonly chunked: boolean }

const HELD = 200
const LARGE = 200_000

/** What the client of a cell sends. `whole`: all of it at once. */
export function uploadOf ({ step, protocol, body }: Cell, whole: boolean): Upload {
  // A safe request does not wait for the request in front of it.
  const method = body === 'none' || (protocol === 'pipelined' && (body === 'held' || body === 'streamed')) ? 'GET' : 'POST'
  const type = body === 'parsed' ? 'application/json' : 'text/x-cell'
  const streams = body === 'streamed' || body === 'hook'
  const text = body === 'none' ? '' : body === 'parsed' ? JSON.stringify({ a: 'x'.repeat(HELD) }) : 'x'.repeat(streams ? LARGE : HELD)
  const at = whole ? text.length : step === 'collect' ? Math.min(text.length, HELD >> 1) : streams ? REPLAY_LIMIT * 8 : text.length
  return { method, type, first: text.slice(0, at), rest: text.slice(at), chunked: streams }
}
