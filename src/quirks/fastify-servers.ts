import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { ownSymbol, scopeAround } from './fastify-scope.js'

/**
 * The servers that Fastify has opened besides its first one, for the other addresses of `localhost`. From the first `onListen` hook on,
 * the list is complete. Fastify tells the addresses of these servers, and has no API for the servers. It emits their 'upgrade' events on
 * the first server. It stops them once the first server has closed, and does not wait for their requests.
 *
 * If a later version keeps the servers under another name, the list is empty. Then Node answers on them as it does by itself (a 100 too
 * early, a 417, a CONNECT that is cut), and no drain waits for their clients.
 */
export function otherServersOf (app: FastifyInstance): readonly Server[] {
  for (let scope: FastifyInstance | undefined = app; scope !== undefined; scope = scopeAround(scope)) {
    const key = ownSymbol(scope, 'fastify.serverBindings')
    if (key !== undefined) return Reflect.get(scope, key) as Server[]
  }
  return []
}
