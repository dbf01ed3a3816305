import type { Cause } from './cause.js'
import type { Cell } from './cell.js'
import { isUploading } from './client-causes.js'

interface Rule { readonly why: string, readonly holds: (cell: Cell, cause: Cause) => boolean }

const NEEDS_UPLOAD = /^(?:early answer|bodyLimit|clientBodyTimeout|body fails|body is of|.*and the client waits|client ends its session after)/
const EARLY = new Set(['preParsing rejects'])

/** The cells that cannot exist. The first rule that holds gives the reason. */
export const IMPOSSIBLE: readonly Rule[] = [
  {
    why: 'nothing can be left by, half-closed or reset where there is no connection; or it is a matter of another protocol',
    holds: ({ protocol }, { protocols }) => protocols !== undefined && !protocols.includes(protocol)
  },
  {
    why: 'target.request is given a body and has no hooks: nothing is parsed, admitted or collected, and no onResponse of a route is called',
    holds: ({ protocol, step, body }) => protocol === 'target.request' && (step === 'admit' || step === 'collect' || step === 'onResponse' || body === 'parsed' || body === 'hook')
  },
  {
    why: 'target.request has neither bodyLimit nor clientBodyTimeout: its caller is no client',
    holds: ({ protocol, cause }) => protocol === 'target.request' && (cause === 'bodyLimit' || cause === 'clientBodyTimeout')
  },
  {
    why: 'without a body nothing is collected',
    holds: ({ step, body }) => step === 'collect' && body === 'none'
  },
  {
    why: 'a body that is here in full cannot stop, fail, or pass a limit',
    holds: (cell, { name }) => NEEDS_UPLOAD.test(name) && !isUploading(cell)
  },
  {
    why: "a body that Fastify parses is Fastify's to limit and to wait for, until it is handed over whole",
    holds: ({ body, cause, step }) => body === 'parsed' && (/^(?:bodyLimit|clientBodyTimeout|totalTimeout|target is destroyed)$/.test(cause)) && step === 'collect'
  },
  {
    why: 'an injected request has no connection to cut, and one whose body Fastify still waits for is nobody else\'s',
    holds: ({ protocol, body, cause, step }) => protocol === 'inject' && body === 'parsed' && cause === 'drain past its deadline' && step === 'collect'
  },
  {
    why: 'only a hook that makes a stream has one that fails',
    holds: ({ body, cause }) => cause === "a hook's stream fails" && body !== 'hook'
  },
  {
    why: 'Fastify asks no preParsing hook of a request without a body',
    holds: ({ body, cause, protocol }) => EARLY.has(cause) && (body === 'none' || (protocol === 'pipelined' && body !== 'parsed' && body !== 'hook'))
  },
  {
    why: 'a request that waits in line finds the connection of the one before it, and dials none',
    holds: ({ protocol, body, step }) => protocol === 'pipelined' && step === 'dial' && (body === 'parsed' || body === 'hook')
  },
  {
    why: 'a queue that takes nobody does not take the one either that is to hold the connection of the one before it',
    holds: ({ protocol, body, cause }) => cause === 'queue full' && protocol === 'pipelined' && (body === 'parsed' || body === 'hook')
  },
  {
    why: 'a request that waits in line behind another one has come to no hook yet',
    holds: ({ protocol, body, step }, { holdsIn }) => protocol === 'pipelined' && step === 'admit' && holdsIn !== undefined && (body === 'parsed' || body === 'hook')
  },
  {
    why: 'a file that is not there is not found before it is read: nothing is left to wait for',
    holds: ({ cause, body }) => cause === 'body is of a file that is not there' && body !== 'streamed'
  }
]

/** Why a cell cannot exist; undefined if it can. */
export function whyNot (cell: Cell, cause: Cause): string | undefined {
  return IMPOSSIBLE.find(({ holds }) => holds(cell, cause))?.why
}
