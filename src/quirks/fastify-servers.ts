import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { ownSymbol, scopeAround } from './fastify-scope.js'

/**
 * The servers that Fastify has opened besides its first, for the other addresses of `localhost`; all of them from the
 * first `onListen` hook on. Fastify tells their addresses, and keeps the servers to itself. It emits their 'upgrade'
 * on the first server, and ends them when the first one has closed, without waiting for their requests.
 *
 * Should a later version keep them by another name, there are none here, and Node's own answers stand on them: a 100
 * too early, a 417, a CONNECT that is cut. No drain waits for their clients then.
 */
export function otherServersOf (app: FastifyInstance): readonly Server[] {
  for (let scope: FastifyInstance | undefined = app; scope !== undefined; scope = scopeAround(scope)) {
    const key = ownSymbol(scope, 'fastify.serverBindings')
    if (key !== undefined) return Reflect.get(scope, key) as Server[]
  }
  return []
}
