import type { Cause } from './cause.js'
import type { Cell } from './cell.js'
import { isUploading } from './client-causes.js'

interface Rule { readonly why: string, readonly holds: (cell: Cell, cause: Cause) => boolean }

const NEEDS_UPLOAD = /^(?:early answer|bodyLimit|clientBodyTimeout|body fails|body is of|.*and the client waits|client ends its session after)/
const EARLY = new Set(['preParsing rejects'])

/** The cells that cannot exist. The first rule that holds gives the reason. */
export const IMPOSSIBLE: readonly Rule[] = [
  {
    why: 'the cause does not apply to the protocol: for example, there is no connection to reset',
    holds: ({ protocol }, { protocols }) => protocols !== undefined && !protocols.includes(protocol)
  },
  {
    why: 'target.request has no hooks and no route: nothing is parsed, admitted or collected, and no onResponse is called',
    holds: ({ protocol, step, body }) => protocol === 'target.request' && (step === 'admit' || step === 'collect' || step === 'onResponse' || body === 'parsed' || body === 'hook')
  },
  {
    why: 'target.request has neither bodyLimit nor clientBodyTimeout, which limit clients',
    holds: ({ protocol, cause }) => protocol === 'target.request' && (cause === 'bodyLimit' || cause === 'clientBodyTimeout')
  },
  {
    why: 'without a body nothing is collected',
    holds: ({ step, body }) => step === 'collect' && body === 'none'
  },
  {
    why: 'a body that has arrived in full cannot stall, fail, or exceed a limit',
    holds: (cell, { name }) => NEEDS_UPLOAD.test(name) && !isUploading(cell)
  },
  {
    why: 'Fastify limits and awaits a body that it parses, until it is whole',
    holds: ({ body, cause, step }) => body === 'parsed' && (/^(?:bodyLimit|clientBodyTimeout|totalTimeout|target is destroyed)$/.test(cause)) && step === 'collect'
  },
  {
    why: 'an injected request has no connection to cut, and while Fastify waits for its body nothing else holds it',
    holds: ({ protocol, body, cause, step }) => protocol === 'inject' && body === 'parsed' && cause === 'drain past its deadline' && step === 'collect'
  },
  {
    why: 'only a stream of a hook can fail',
    holds: ({ body, cause }) => cause === "a hook's stream fails" && body !== 'hook'
  },
  {
    why: 'Fastify calls no preParsing hook for a request without a body',
    holds: ({ body, cause, protocol }) => EARLY.has(cause) && (body === 'none' || (protocol === 'pipelined' && body !== 'parsed' && body !== 'hook'))
  },
  {
    why: 'a held pipelined request reuses the connection of the request before it, and does not dial',
    holds: ({ protocol, body, step }) => protocol === 'pipelined' && step === 'dial' && (body === 'parsed' || body === 'hook')
  },
  {
    why: 'a queue of length 0 also refuses the request that has to hold the only connection',
    holds: ({ protocol, body, cause }) => cause === 'queue full' && protocol === 'pipelined' && (body === 'parsed' || body === 'hook')
  },
  {
    why: 'a held pipelined request has reached no hook yet',
    holds: ({ protocol, body, step }, { holdsIn }) => protocol === 'pipelined' && step === 'admit' && holdsIn !== undefined && (body === 'parsed' || body === 'hook')
  },
  {
    why: 'a missing file is noticed only when it is read, so nothing can wait before',
    holds: ({ cause, body }) => cause === 'body is of a file that is not there' && body !== 'streamed'
  }
]

/** Why a cell cannot exist; undefined if it can. */
export function whyNot (cell: Cell, cause: Cause): string | undefined {
  return IMPOSSIBLE.find(({ holds }) => holds(cell, cause))?.why
}
