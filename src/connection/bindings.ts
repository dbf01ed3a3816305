import { NO_CLIENT } from './connection.js'
import type { Connection } from './connection.js'

/** A client's connection: its socket, or its HTTP/2 session. */
export interface ClientConnection {
  readonly destroyed: boolean
  once (event: 'close', listener: () => void): unknown
  removeListener (event: 'close', listener: () => void): unknown
}

interface Bound { readonly connections: Set<Connection>, readonly onClose: () => void }

/**
 * Connections that a client has authenticated (NTLM, Negotiate). Each one serves only the client connection that it is bound to, and ends
 * with it, since the backend takes every request on it for a request of that client.
 */
export class Bindings {
  readonly #byClient = new Map<object, Bound>()
  readonly #clientGone: (connection: Connection) => void

  /** @param clientGone gets each connection whose client connection has closed, bound to `NO_CLIENT` by then */
  constructor (clientGone: (connection: Connection) => void) {
    this.#clientGone = clientGone
  }

  has (client: object | undefined): boolean {
    return this.#byClient.size > 0 && client !== undefined && this.#byClient.has(client)
  }

  /** Binds a connection for the rest of its life. */
  bind (connection: Connection, client: ClientConnection | undefined): void {
    if (connection.boundTo !== undefined) return
    if (client === undefined || client.destroyed) {
      connection.bindTo(NO_CLIENT)
      return
    }
    connection.bindTo(client)
    let bound = this.#byClient.get(client)
    if (bound === undefined) {
      const onClose = (): void => this.#closed(client)
      this.#byClient.set(client, bound = { connections: new Set(), onClose })
      client.once('close', onClose)
    }
    bound.connections.add(connection)
  }

  /** Drops a connection that has ended. */
  release (connection: Connection): void {
    const client = connection.boundTo as ClientConnection | undefined
    const bound = client === undefined ? undefined : this.#byClient.get(client)
    if (bound === undefined || !bound.connections.delete(connection) || bound.connections.size > 0) return
    this.#byClient.delete(client!)
    client!.removeListener('close', bound.onClose)
  }

  #closed (client: object): void {
    const bound = this.#byClient.get(client)
    this.#byClient.delete(client)
    for (const connection of bound?.connections ?? []) {
      connection.bindTo(NO_CLIENT)
      this.#clientGone(connection)
    }
  }
}
