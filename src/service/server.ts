import { constants } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { getGateway } from '../gateway/state.js'
import { buildApp } from './app.js'
import { EnvironmentError } from './environment-error.js'
import { readEnvironment } from './environment.js'
import type { Environment } from './environment.js'

// One Ctrl-C, or one stop of a service manager, reaches npm and this process, and npm hands it on: the second within this
// time, in ms, is the first one's echo.
const ECHO = 200

// Which setting is to blame where the port cannot be had.
const LISTEN_ERRORS: Record<string, 'HOST' | 'PORT'> = {
  EADDRINUSE: 'PORT', EACCES: 'PORT', EADDRNOTAVAIL: 'HOST', EAFNOSUPPORT: 'HOST', EINVAL: 'HOST', ENOTFOUND: 'HOST', EAI_AGAIN: 'HOST'
}

async function start (): Promise<void> {
  const environment = readEnvironment()
  const app = await buildApp(environment)
  closeOnSignals(app)
  await listen(app, environment)
}

async function listen (app: FastifyInstance, { host, port }: Environment): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const name = LISTEN_ERRORS[code]
    if (name === undefined) throw error
    throw new EnvironmentError(`${name}: ${name === 'PORT' ? port : JSON.stringify(host)} cannot be listened on: ${message}`, { cause: error })
  }
}

/** The first signal ends the app in good order, a second one at once. */
function closeOnSignals (app: FastifyInstance): void {
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
      // As a shell says of what a signal has ended.
      process.exit(128 + constants.signals[signal])
    })
  }
}

function close (app: FastifyInstance, signal: string): void {
  app.log.info({ signal }, 'closing')
  getGateway(app).drain().then(
    () => {
      app.log.info('closed')
      // Not left to the event loop: a timer that some route has forgotten would keep the process.
      process.exit(0)
    },
    err => {
      app.log.fatal({ err }, 'did not close in good order')
      process.exit(1)
    }
  )
}

start().catch((error: unknown) => {
  // A wrong setting is told in one line; what a route file has thrown needs its stack.
  const told = error instanceof EnvironmentError ? error.message : error instanceof Error ? error.stack : String(error)
  process.stderr.write(`holdfast cannot start: ${told}\n`)
  process.exit(1)
})
