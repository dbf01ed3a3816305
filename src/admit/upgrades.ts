import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { ignoreError } from '../errors.js'
import { Upgrade } from '../forward/upgrade.js'
import type { Upgrades } from '../forward/upgrade.js'
import { isCut } from './header-lines.js'
import { watchHeaders } from '../forward/set-again.js'
import { asksForWebSocket } from '../http/websocket.js'
import { currentResponse } from '../quirks/node-http-socket.js'
import { othersTakeUpgrades, passDrains, readAgain, takeUpgrades } from '../quirks/node-http-upgrade.js'

const TOO_MANY_HEADERS = 'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/** By server: functions that tell whether a request is for a route that takes upgrades. */
const upgradable = new WeakMap<object, ((request: IncomingMessage) => boolean)[]>()

/** Takes upgrades for a scope's proxied routes. A server whose app never calls this has no 'upgrade' listener of ours. */
export function acceptUpgrades (app: FastifyInstance, isUpgradable: (request: IncomingMessage) => boolean, upgrades: Upgrades): void {
  const { server } = app
  const routes = upgradable.get(server)
  if (routes !== undefined) {
    routes.push(isUpgradable)
    return
  }
  const ourRoutes = [isUpgradable]
  upgradable.set(server, ourRoutes)
  takeUpgrades(server, take)
  app.addHook('preClose', async () => {
    // The server waits for their sockets. Where drain is registered, it ends them at its deadline; else they end now.
    if (!app.hasPlugin('holdfast-drain')) endUpgrades(upgrades)
  })

  function take (request: IncomingMessage, socket: Socket, head: Buffer): boolean {
    const ours = ourRoutes.some(isOurs => isOurs(request))
    if (!ours && othersTakeUpgrades(server)) return false
    // Node no longer listens for errors on this socket. The listener is taken off below, once the next owner listens: the socket may serve
    // many more requests.
    socket.on('error', ignoreError)
    afterEarlierResponses(socket, upgrades, () => {
      const { rawHeaders } = request
      // The dropped lines may be those of its framing.
      if (isCut(server, rawHeaders)) return refuse(socket)
      if (ours && asksForWebSocket(request)) dispatch(request, socket, head)
      else parseAgain(server, request, socket, head)
      socket.off('error', ignoreError)
    })
    return true
  }

  function dispatch (request: IncomingMessage, socket: Socket, head: Buffer): void {
    watchHeaders(request)
    // The router runs the route's hooks before anything is dialled.
    app.routing(request, new Upgrade(request, socket, head, upgrades).response)
  }
}

/** Ends all tunnels and all upgrades that wait for an answer, and returns how many there were. */
export function endUpgrades (upgrades: Upgrades): number {
  const { size } = upgrades
  for (const upgrade of upgrades) upgrade.end()
  return size
}

/** Calls `next` once the responses to the requests ahead on the connection are written. Never calls it if those end the connection. */
function afterEarlierResponses (socket: Socket, upgrades: Upgrades, next: () => void): void {
  const earlier = currentResponse(socket)
  if (earlier === undefined) {
    next()
    return
  }
  const waiting = { end: () => { socket.destroy() } }
  upgrades.add(waiting)
  const stopDrains = passDrains(socket, earlier)
  earlier.once('close', () => {
    upgrades.delete(waiting)
    stopDrains()
    if (!socket.destroyed && !socket.writableEnded) afterEarlierResponses(socket, upgrades, next)
  })
}

function refuse (socket: Socket): void {
  // Reads and drops what comes: closing a socket with unread bytes resets it, and the client may lose the answer.
  socket.resume().end(TOO_MANY_HEADERS, () => socket.destroy())
}

/**
 * Gives Node the same request again without `Upgrade`, with the bytes behind its head, as an ordinary request with its body. Node has taken
 * the body for the first bytes of another protocol. Left on the connection, the body would be read as the next request, which is request
 * smuggling.
 */
function parseAgain (mainServer: Server, { method, url, httpVersion, rawHeaders }: IncomingMessage, socket: Socket, head: Buffer): void {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() !== 'upgrade') text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  }
  readAgain(mainServer, socket, Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]))
}
