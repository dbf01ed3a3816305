import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { TargetOptions } from '../../src/index.js'
import { startBackend } from '../../testing/backend.js'
import type { Backend, BackendConnection, BackendRequest, BackendScript, RequestScript } from '../../testing/backend.js'
import { HOST } from './rig.js'

interface Scope { teardown (end: () => unknown): void }

/** So many scripted backends, which end with their test. @param script of the backend at a place, from 0 */
export async function backendsFor (t: Scope, count: number, script: (place: number) => BackendScript = () => serve): Promise<Backend[]> {
  const backends = await Promise.all(Array.from({ length: count }, (_, place) => startBackend(script(place), { host: HOST, log: true })))
  t.teardown(() => Promise.all(backends.map(backend => backend.close())))
  return backends
}

/** Answers each request, and keeps its connection. */
export function serve (_request: BackendRequest, connection: BackendConnection): void {
  connection.reply({ body: 'ok' })
}

/** Resets the connection of each request while the test says so, and serves else. */
export function resetWhile (isBroken: () => boolean, otherwise: RequestScript = serve): RequestScript {
  return (request, connection) => isBroken() ? connection.reset() : otherwise(request, connection)
}

/** Holds the answers to requests for `/held`, and serves others. */
export function heldOrServed ({ script }: Held): RequestScript {
  return (request, connection) => request.path === '/held' ? script(request, connection) : serve(request, connection)
}

/** A script that holds its answers until the test gives them. */
export class Held {
  readonly waiting: { readonly request: BackendRequest, readonly connection: BackendConnection }[] = []
  readonly script = (request: BackendRequest, connection: BackendConnection): void => { this.waiting.push({ request, connection }) }

  /** Answers the request that has waited longest. */
  answer (): void {
    this.waiting.shift()!.connection.reply({ body: 'ok' })
  }
}

/** Closes its listener, and resets its connections, as the end of a process does. `listen` starts it again. */
export async function kill (backend: Backend): Promise<void> {
  backend.refuse()
  for (const { socket } of backend.connections) if (!socket.destroyed) socket.resetAndDestroy()
  await backend.waitFor(({ open }) => open === 0)
}

export function addressOf (backend: Backend): string {
  return `${HOST}:${backend.port}`
}

type Called = (error: Error | null, socket: Socket | null) => void

/** Makes the connections of a target as the test says. */
export class Dialling {
  /** Ports that were dialled, in order. */
  readonly dialled: number[] = []
  /** Dials that are held, in order. */
  readonly held: { readonly port: number, go (): void, fail (code: string): void, give (socket: Socket): void }[] = []
  readonly #ways = new Map<number, 'hold' | string>()

  /** How a backend is dialled from now on: `hold`, or the code of the error. Without a way, it is dialled as usual. */
  way ({ port }: Backend, way?: 'hold' | string): void {
    if (way === undefined) this.#ways.delete(port)
    else this.#ways.set(port, way)
  }

  to ({ port }: Backend): number {
    return this.dialled.filter(dialled => dialled === port).length
  }

  readonly options = {
    connect: (to: { hostname: string, port: string }, called: Called): void => {
      const port = Number(to.port)
      this.dialled.push(port)
      const go = (): void => {
        const socket = connect({ host: to.hostname, port, noDelay: true })
        const failed = (error: Error): void => called(error, null)
        socket.once('error', failed).once('connect', () => {
          socket.off('error', failed)
          called(null, socket)
        })
      }
      const fail = (code: string): void => called(Object.assign(new Error(code), { code }), null)
      const way = this.#ways.get(port)
      if (way === undefined) go()
      else if (way === 'hold') this.held.push({ port, go, fail, give: socket => called(null, socket) })
      else fail(way)
    }
  } as unknown as NonNullable<TargetOptions['undiciOptions']>
}

/** A connection to a backend, for a dial that is to succeed at once. */
export async function connectedTo (backend: Backend): Promise<Socket> {
  const socket = connect({ host: HOST, port: backend.port })
  await once(socket, 'connect')
  return socket
}
