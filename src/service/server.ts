import { ignoreError } from '../errors.js'
import { lineMask } from '../http/mask-line.js'
import { buildApp } from './app.js'
import { loadDotEnv } from './dot-env.js'
import { EnvironmentError } from './environment-error.js'
import { readEnvironment } from './environment.js'
import { listen } from './listen.js'
import { logWritten } from './log-output.js'
import { logUncaught } from './uncaught.js'
import { Signals } from './signals.js'

interface ServeOptions {
  /** A folder of route files, relative to the working directory; the microservice's own routes are served too. */
  readonly routes?: string
}

/** Runs the microservice until a signal ends the process. If it cannot start, says why on stderr and ends the process with 1. */
export async function serve (options: ServeOptions = {}): Promise<void> {
  const signals = new Signals()
  // Where one of them is closed, what it would say is lost: `console.log` of a route, too. An uncaught error would end the process.
  process.stdout.on('error', ignoreError)
  process.stderr.on('error', ignoreError)
  try {
    await start(options, signals)
  } catch (error) {
    // A drain closes an app that does not listen yet, and ends the process.
    if (signals.stopping) return
    // A wrong setting needs one line, an error of a route file its stack.
    const told = error instanceof EnvironmentError ? error.message : error instanceof Error ? error.stack : String(error)
    // An upstream that is refused may have a token in its query. LOG_MASK may be what cannot be read.
    process.stderr.write(`holdfast cannot start: ${lineMask()(String(told))}\n`)
    await logWritten()
    process.exit(1)
  }
}

async function start ({ routes }: ServeOptions, signals: Signals): Promise<void> {
  const environment = readEnvironment()
  loadDotEnv('.env')
  const app = await buildApp(environment, { routes })
  signals.attend(app)
  logUncaught(app)
  await listen(app, environment)
}
