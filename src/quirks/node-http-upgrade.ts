import { ServerResponse } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

type UpgradeArguments = [request: IncomingMessage, socket: Socket, head: Buffer]

/**
 * Gives the upgrades of a server to a function first, and to the listeners of others only where that returns false,
 * whenever those were added: two would answer. Node emits 'upgrade' by `server.emit`, as any emitter does; should it
 * have a way of its own one day, the function is never asked, and no upgrade is answered here.
 */
export function takeUpgrades (server: Server, take: (...upgrade: UpgradeArguments) => boolean): void {
  // Node hands over no upgrades unless something listens.
  server.on('upgrade', ignore)
  const { emit } = server
  server.emit = ((event: string, ...given: unknown[]): boolean => {
    if (event === 'upgrade' && take(...given as UpgradeArguments)) return true
    return Reflect.apply(emit, server, [event, ...given]) as boolean
  }) as typeof emit
}

/** Whether anything else listens for upgrades of a server whose upgrades are taken. */
export function othersTakeUpgrades (server: Server): boolean {
  return server.listenerCount('upgrade') > 1
}

/**
 * A response to a request for an upgrade, on the socket that Node has let go of. Node's own servers answer by these
 * same methods, which are in no docs. Should one be gone, the request fails with an error that names it.
 */
export function responseOn (request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request)
  // It is the last one on its socket.
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  return response
}

/** Takes a response off its socket, whose bytes are of another protocol from then on. */
export function letGoOf (response: ServerResponse, socket: Socket): void {
  response.detachSocket(socket)
}

/**
 * Tells a response of each 'drain' of its socket, until the returned function is called: Node's servers do it for the
 * sockets that they have, and stop where they let go of one.
 */
export function passDrains (socket: Socket, response: ServerResponse): () => void {
  const pass = (): void => { response.emit('drain') }
  socket.on('drain', pass)
  return () => { socket.off('drain', pass) }
}

/**
 * Has Node's server read a socket that it has let go of again, beginning with other bytes. Its docs let a user emit
 * 'connection'; that bytes may be put in front, that a server of TLS is told by 'secureConnection', and that a socket
 * knows its server, they do not say.
 */
export function readAgain (mainServer: Server, socket: Socket, bytes: Buffer): void {
  // An earlier response may have armed it.
  socket.setTimeout(0)
  socket.unshift(bytes)
  // On `localhost` there are two servers, and the upgrades of both are emitted on the first.
  const { server = mainServer } = socket as { server?: Server }
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}

function ignore (): void {}
