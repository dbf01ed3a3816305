import { constants } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { getGateway } from '../gateway/state.js'
import { buildApp } from './app.js'
import { EnvironmentError } from './environment-error.js'
import { readEnvironment } from './environment.js'
import type { Environment } from './environment.js'

// A Ctrl-C, or a stop by a service manager, reaches both npm and this process, and npm sends it on. A second signal within this time, in
// ms, is the same stop.
const ECHO = 200

// The variable that is wrong, by the error of `listen`.
const LISTEN_ERRORS: Record<string, 'HOST' | 'PORT'> = {
  EADDRINUSE: 'PORT', EACCES: 'PORT', EADDRNOTAVAIL: 'HOST', EAFNOSUPPORT: 'HOST', EINVAL: 'HOST', ENOTFOUND: 'HOST', EAI_AGAIN: 'HOST'
}

interface ServeOptions {
  /** A folder of route files, relative to the working directory; the microservice's own routes are served too. */
  readonly routes?: string
}

/** Runs the microservice until a signal ends the process. If it cannot start, says why on stderr and ends the process with 1. */
export async function serve (options: ServeOptions = {}): Promise<void> {
  try {
    await start(options)
  } catch (error) {
    // A wrong setting needs one line, an error of a route file its stack.
    const told = error instanceof EnvironmentError ? error.message : error instanceof Error ? error.stack : String(error)
    process.stderr.write(`holdfast cannot start: ${told}\n`)
    process.exit(1)
  }
}

async function start ({ routes }: ServeOptions): Promise<void> {
  const environment = readEnvironment()
  const app = await buildApp(environment, { routes })
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
    const value = name === 'PORT' ? port : JSON.stringify(host)
    throw new EnvironmentError(`${name}: ${value} cannot be listened on: ${message}`, { cause: error })
  }
}

/** The first signal drains the app, a second one ends the process at once. */
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
