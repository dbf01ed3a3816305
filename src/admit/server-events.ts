import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { watchHeaders } from '../forward/set-again.js'
import { otherServersOf } from '../quirks/fastify-servers.js'
import { answerExpectations } from './expect.js'
import { answerParserErrors } from './parser-errors.js'
import { refuseConnects } from './refused-methods.js'

const watching = new WeakSet<Server>()

/**
 * Takes over what Node's server answers by itself, before any hook could run: `Expect`, CONNECT and the parser's errors. Where the app has
 * a listener for one of the first two already, that listener alone stays.
 */
export function listenTo (server: Server): void {
  listenToRequests(server)
  answerParserErrors(server)
}

/** The same for the servers that Fastify opens besides its first one, for the other addresses of `localhost`. */
export function listenToOthers (app: FastifyInstance, server: Server): void {
  for (const other of otherServersOf(app)) {
    listenToRequests(other)
    if (other.listenerCount('clientError') === 0) other.on('clientError', (error, socket) => { server.emit('clientError', error, socket) })
  }
}

function listenToRequests (server: Server): void {
  if (!watching.has(server)) {
    watching.add(server)
    // Before the app's own listener, which runs its hooks: the first of them may set headers already.
    server.prependListener('request', watchHeaders)
  }
  answerExpectations(server)
  refuseConnects(server)
}
