import type { Server } from 'node:http'
import { watchHeaders } from '../forward/set-again.js'
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
export function listenToOthers (app: object, server: Server): void {
  for (const other of otherServersOf(app)) {
    listenToRequests(other)
    if (other.listenerCount('clientError') === 0) other.on('clientError', (error, socket) => { server.emit('clientError', error, socket) })
  }
}

/**
 * The servers that Fastify has opened besides its first one. Fastify has no API for them. Where a later version keeps them under another
 * name they are not found: Node answers there as it does by itself (a 100 too early, a 417, a CONNECT that is cut), and no drain waits for
 * their clients.
 */
export function otherServersOf (app: object): Server[] {
  for (let at: object | null = app; at !== null; at = Reflect.getPrototypeOf(at)) {
    const key = Object.getOwnPropertySymbols(at).find(({ description }) => description === 'fastify.serverBindings')
    if (key !== undefined) return Reflect.get(at, key) as Server[]
  }
  return []
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
