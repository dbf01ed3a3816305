import type { Server } from 'node:net'

/** What is done before a server listens. It is told what the server's `listen` was given, and resolves with how it is undone. */
export type ListenPreparation = (given: unknown) => Promise<() => void>

/**
 * Lets a server listen only once a preparation is over. If that rejects, the server emits its error and does not listen. If the server
 * cannot listen, the preparation is undone. If the server is closed during the preparation, it does not listen, and what was prepared is
 * undone. What Node throws at once for a port, it still throws at once.
 *
 * `app.listen()` of Fastify calls `listen` of `app.server`, and waits for its 'listening' or 'error'. No hook runs before that: `onReady`
 * runs for `inject` too, and `onListen` runs when `app.listen()` has resolved. Fastify's docs do not promise the call. If a later version
 * listens in another way, the server listens unprepared.
 *
 * @returns what cancels the preparation that runs, as closing the server does; it does nothing where none runs
 */
export function listenAfter (server: Server, prepare: ListenPreparation): () => void {
  const { listen, close } = server
  // The preparation that runs. A cancelled one finds another value here.
  let current: symbol | undefined

  function listenPrepared (this: Server, ...args: unknown[]): Server {
    // Node throws this where a server listens already.
    if (current !== undefined) throw nodeError('ERR_SERVER_ALREADY_LISTEN', 'Listen method has been called more than once without closing.')
    if (server.listening || hasRefusedPort(args[0])) return Reflect.apply(listen, server, args) as Server
    const own = current = Symbol('preparation')
    prepare(args[0]).then(undo => {
      if (current !== own) return undo()
      current = undefined
      begin(args, undo)
    }, (error: unknown) => {
      if (current !== own) return
      current = undefined
      throw error
    }).catch((error: unknown) => { server.emit('error', error) })
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

  function cancel (): void {
    if (current === undefined) return
    current = undefined
    // A server of Node emits nothing here. But `app.listen()` would wait for ever.
    if (server.listenerCount('error') === 0) return
    server.emit('error', nodeError('ERR_SERVER_NOT_RUNNING', 'The server was closed before it listened'))
  }

  function closePrepared (this: Server, callback?: (error?: Error) => void): Server {
    if (current === undefined) return Reflect.apply(close, server, [callback]) as Server
    cancel()
    // Node would tell the callback that the server does not run. Its caller has asked it to listen.
    return Reflect.apply(close, server, [callback === undefined ? undefined : () => { callback() }]) as Server
  }

  server.listen = listenPrepared as Server['listen']
  server.close = closePrepared as Server['close']
  return cancel
}

function nodeError (code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

/** Whether Node throws for the port in what `listen` was given. */
function hasRefusedPort (given: unknown): boolean {
  if (typeof given === 'object' && given !== null) return 'port' in given && isRefusedPort(given.port)
  // Any other string is a path.
  return (typeof given !== 'string' || Number(given) >= 0) && isRefusedPort(given)
}

function isRefusedPort (port: unknown): boolean {
  if (typeof port === 'string' && port.trim() === '') return true
  if (typeof port !== 'string' && typeof port !== 'number') return false
  const number = Number(port)
  return !(Number.isInteger(number) && number >= 0 && number <= 65_535)
}
