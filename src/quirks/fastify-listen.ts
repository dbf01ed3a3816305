import type { Server } from 'node:net'

/** What is done before a server listens. It is told what the server's `listen` was given, and resolves with how it is undone. */
export type ListenPreparation = (given: unknown) => Promise<() => void>

/**
 * Lets a server listen only once a preparation is over. If that rejects, the server emits its error and does not listen. If the server
 * cannot listen, the preparation is undone.
 *
 * `app.listen()` of Fastify calls `listen` of `app.server`, and waits for its 'listening' or 'error'. No hook runs before that: `onReady`
 * runs for `inject` too, and `onListen` runs when `app.listen()` has resolved. Fastify's docs do not promise the call. If a later version
 * listens in another way, the server listens unprepared.
 */
export function listenAfter (server: Server, prepare: ListenPreparation): void {
  const { listen } = server
  let preparing = false

  function listenPrepared (this: Server, ...args: unknown[]): Server {
    // Node throws this where a server listens already.
    if (preparing) throw Object.assign(new Error('Listen method has been called more than once without closing.'), { code: 'ERR_SERVER_ALREADY_LISTEN' })
    if (server.listening) return Reflect.apply(listen, server, args) as Server
    preparing = true
    prepare(args[0]).finally(() => { preparing = false }).then(undo => begin(args, undo)).catch((error: unknown) => { server.emit('error', error) })
    return server
  }

  function begin (args: unknown[], undo: () => void): void {
    const failed = (): void => {
      server.off('listening', listening)
      undo()
    }
    const listening = (): void => { server.off('error', failed) }
    // Before the listeners of Fastify, whose caller may listen again at once.
    server.prependOnceListener('error', failed)
    server.once('listening', listening)
    Reflect.apply(listen, server, args)
  }

  server.listen = listenPrepared as Server['listen']
}
