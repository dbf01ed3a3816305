import { ServerResponse } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

type UpgradeArguments = [request: IncomingMessage, socket: Socket, head: Buffer]

/**
 * Calls a function for each upgrade of a server. The server's other listeners get only those for which it returns false, whenever they
 * were added: two listeners would both answer. Node emits 'upgrade' through `server.emit`. If a later version has another way, the
 * function is never called, and no upgrade is answered.
 */
export function takeUpgrades (server: Server, take: (...upgrade: UpgradeArguments) => boolean): void {
  // Node emits upgrades only where there is a listener.
  server.on('upgrade', ignore)
  const { emit } = server
  server.emit = ((event: string, ...given: unknown[]): boolean => {
    if (event === 'upgrade' && take(...given as UpgradeArguments)) return true
    return Reflect.apply(emit, server, [event, ...given]) as boolean
  }) as typeof emit
}

/** Whether a server has other listeners for upgrades, beside the one of `takeUpgrades`. */
export function othersTakeUpgrades (server: Server): boolean {
  return server.listenerCount('upgrade') > 1
}

/**
 * Makes the response to an upgrade request, on the socket that Node has let go of. Node's own servers use the same methods, which its
 * docs do not mention. If a later version lacks one, the request fails with an error that names it.
 */
export function responseOn (request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request)
  // It is the last response on its socket.
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  return response
}

/** Takes a response off its socket, which carries another protocol from then on. */
export function letGoOf (response: ServerResponse, socket: Socket): void {
  response.detachSocket(socket)
}

/**
 * Passes each 'drain' of a socket on to a response, until the returned function is called. Node's servers do that for their own sockets
 * only, and not for one that they have let go of.
 */
export function passDrains (socket: Socket, response: ServerResponse): () => void {
  const pass = (): void => { response.emit('drain') }
  socket.on('drain', pass)
  return () => { socket.off('drain', pass) }
}

/**
 * Makes Node's server read a socket again that it has let go of, beginning with the given bytes. Its docs allow to emit 'connection' for
 * a socket. They do not promise that the socket may hold bytes, that a TLS server takes 'secureConnection', and that a socket has its
 * server as a property.
 */
export function readAgain (mainServer: Server, socket: Socket, bytes: Buffer): void {
  // An earlier response may have set the keep-alive timeout.
  socket.setTimeout(0)
  socket.unshift(bytes)
  // On `localhost` there are two servers, and Fastify emits the upgrades of both on the first.
  const { server = mainServer } = socket as { server?: Server }
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}

function ignore (): void {}
