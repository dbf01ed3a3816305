import { constants } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { getGateway } from '../gateway/state.js'

// A Ctrl-C, or a stop by a service manager, reaches both npm and this process, and npm sends it on. A second signal within this time, in
// ms, is the same stop.
const ECHO = 200

/** The first signal drains the app, a second one ends the process at once. */
export function closeOnSignals (app: FastifyInstance): void {
  let first: { signal: string, at: number } | undefined
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (first === undefined) {
        first = { signal, at: performance.now() }
        close(app, signal)
        return
      }
      if (signal === first.signal && performance.now() - first.at < ECHO) return
      app.log.fatal({ signal }, 'a second signal: ends at once, in-flight requests are cut')
      // The status that shells use for a process that a signal ended.
      process.exit(128 + constants.signals[signal])
    })
  }
}

function close (app: FastifyInstance, signal: string): void {
  app.log.info({ signal }, 'closing')
  getGateway(app).drain().then(
    () => {
      app.log.info('closed')
      // A timer that a route has left would keep the process alive.
      process.exit(0)
    },
    err => {
      app.log.fatal({ err }, 'did not close in good order')
      process.exit(1)
    }
  )
}
