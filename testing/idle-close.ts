import type { BackendConnection } from './backend.js'

export type CloseMode = 'fin' | 'rst'

const stop = new WeakMap<BackendConnection, () => void>()

/** Closes the connection unless bytes of another request come within `ms`. */
export function closeWhenIdle (connection: BackendConnection, ms: number, how: CloseMode = 'fin'): void {
  notIdle(connection)
  const { socket } = connection
  const timer = setTimeout(() => {
    notIdle(connection)
    if (how === 'fin') connection.end()
    else connection.reset()
  }, ms)
  timer.unref()
  const busy = (): void => notIdle(connection)
  socket.once('data', busy)
  socket.once('close', busy)
  stop.set(connection, () => {
    clearTimeout(timer)
    socket.off('data', busy)
    socket.off('close', busy)
  })
}

/** Tells that a request was there before the timer started, pipelined behind the one just answered. */
export function notIdle (connection: BackendConnection): void {
  stop.get(connection)?.()
  stop.delete(connection)
}
