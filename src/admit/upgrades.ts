import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { ignoreError } from '../errors.js'
import { Upgrade } from '../forward/upgrade.js'
import type { Upgrades } from '../forward/upgrade.js'
import { isCut } from './header-lines.js'
import { currentResponse } from './pipelining.js'
import { watchHeaders } from '../forward/set-again.js'
import { asksForWebSocket } from '../http/websocket.js'

const TOO_MANY_HEADERS = 'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

type UpgradeArguments = [request: IncomingMessage, socket: Socket, head: Buffer]

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
  // Node emits upgrades only where there is a listener.
  const listener = (): void => {}
  server.on('upgrade', listener)
  // An upgrade that is ours must not reach the app's other listeners, which would answer too, and which may be added before or after.
  const { emit } = server
  server.emit = ((event: string, ...given: unknown[]): boolean => {
    if (event === 'upgrade' && take(...given as UpgradeArguments)) return true
    return Reflect.apply(emit, server, [event, ...given]) as boolean
  }) as typeof server.emit
  app.addHook('preClose', async () => {
    // The server waits for their sockets. Where drain is registered, it ends them at its deadline; else they end now.
    if (!app.hasPlugin('holdfast-drain')) endUpgrades(upgrades)
  })

  function take (request: IncomingMessage, socket: Socket, head: Buffer): boolean {
    const ours = ourRoutes.some(isOurs => isOurs(request))
    if (!ours && server.listenerCount('upgrade') > 1) return false
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
  // Node has taken its own 'drain' listener off the socket.
  const onDrain = (): void => { earlier.emit('drain') }
  upgrades.add(waiting)
  socket.on('drain', onDrain)
  earlier.once('close', () => {
    upgrades.delete(waiting)
    socket.off('drain', onDrain)
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
  // An earlier response may have set the keep-alive timeout.
  socket.setTimeout(0)
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]))
  // On `localhost` there are two servers, and Fastify emits the upgrades of both on the first.
  const { server = mainServer } = socket as { server?: Server }
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}
