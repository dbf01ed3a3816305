import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { ignoreError } from '../errors.js'
import { Upgrade } from '../forward/upgrade.js'
import type { Upgrades } from '../forward/upgrade.js'
import { currentResponse } from './pipelining.js'
import { watchHeaders } from '../forward/set-again.js'
import { asksForWebSocket } from '../http/websocket.js'

// node keeps that many header lines of a request, unless `maxHeadersCount` says otherwise, and says nothing of the rest.
const MAX_HEADERS = 1_000
const TOO_MANY_HEADERS = 'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

type UpgradeArguments = [request: IncomingMessage, socket: Socket, head: Buffer]

/** What tells, by server, whose requests may become tunnels. */
const upgradable = new WeakMap<object, ((request: IncomingMessage) => boolean)[]>()

/** Makes the requests to a scope's proxied routes upgradable. A server where nobody does so has no 'upgrade' listener. */
export function acceptUpgrades (app: FastifyInstance, isUpgradable: (request: IncomingMessage) => boolean, upgrades: Upgrades): void {
  const { server } = app
  const routes = upgradable.get(server)
  if (routes !== undefined) {
    routes.push(isUpgradable)
    return
  }
  const ourRoutes = [isUpgradable]
  upgradable.set(server, ourRoutes)
  // For node, which hands over no upgrades unless somebody listens.
  const listener = (): void => {}
  server.on('upgrade', listener)
  // Ours come before the listeners of others, whenever those were added, and do not reach them: both would answer.
  const { emit } = server
  server.emit = ((event: string, ...given: unknown[]): boolean => {
    if (event === 'upgrade' && take(...given as UpgradeArguments)) return true
    return Reflect.apply(emit, server, [event, ...given]) as boolean
  }) as typeof server.emit
  app.addHook('preClose', async () => {
    // Without a deadline there is nothing to wait for, and the server would wait for them.
    if (!app.hasPlugin('holdfast-drain')) endUpgrades(upgrades)
  })

  function take (request: IncomingMessage, socket: Socket, head: Buffer): boolean {
    const ours = ourRoutes.some(isOurs => isOurs(request))
    if (!ours && server.listenerCount('upgrade') > 1) return false
    // Node has let go of it. What it is handed to below hears its errors, and it may be kept for many requests more.
    socket.on('error', ignoreError)
    afterEarlierResponses(socket, upgrades, () => {
      const { rawHeaders } = request
      // Its framing may be among what is missing.
      if (isCut(server, rawHeaders)) return refuse(socket)
      if (ours && asksForWebSocket(request)) dispatch(request, socket, head)
      else parseAgain(server, request, socket, head)
      socket.off('error', ignoreError)
    })
    return true
  }

  function dispatch (request: IncomingMessage, socket: Socket, head: Buffer): void {
    watchHeaders(request)
    // Through the router, so that its hooks run before anything is dialled.
    app.routing(request, new Upgrade(request, socket, head, upgrades).response)
  }
}

/** Ends all tunnels, and what waits to become one; returns how many. */
export function endUpgrades (upgrades: Upgrades): number {
  const { size } = upgrades
  for (const upgrade of upgrades) upgrade.end()
  return size
}

/** Calls `next` once the responses to the requests pipelined before are written; never where they end the connection. */
function afterEarlierResponses (socket: Socket, upgrades: Upgrades, next: () => void): void {
  const earlier = currentResponse(socket)
  if (earlier === undefined) {
    next()
    return
  }
  const waiting = { end: () => { socket.destroy() } }
  // node has taken its own listener off.
  const onDrain = (): void => { earlier.emit('drain') }
  upgrades.add(waiting)
  socket.on('drain', onDrain)
  earlier.once('close', () => {
    upgrades.delete(waiting)
    socket.off('drain', onDrain)
    if (!socket.destroyed && !socket.writableEnded) afterEarlierResponses(socket, upgrades, next)
  })
}

function isCut ({ maxHeadersCount }: Server, rawHeaders: string[]): boolean {
  const limit = maxHeadersCount ?? MAX_HEADERS
  return limit > 0 && rawHeaders.length >= 2 * limit
}

function refuse (socket: Socket): void {
  // Read and dropped: closing over unread bytes is a reset, which may take the answer along.
  socket.resume().end(TOO_MANY_HEADERS, () => socket.destroy())
}

/**
 * Gives node the same request without `Upgrade`, with what came after its head: an ordinary request, body and all. node has
 * taken the body for the first bytes of another protocol; as the next request of the connection it would be smuggled in.
 */
function parseAgain (mainServer: Server, { method, url, httpVersion, rawHeaders }: IncomingMessage, socket: Socket, head: Buffer): void {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() !== 'upgrade') text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  }
  // An earlier response may have armed it.
  socket.setTimeout(0)
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]))
  // On `localhost` there are two servers, and the upgrades of both come here.
  const { server = mainServer } = socket as { server?: Server }
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}
