import { buildApp } from './app.js'
import { EnvironmentError } from './environment-error.js'
import { readEnvironment } from './environment.js'
import { listen } from './listen.js'
import { closeOnSignals } from './signals.js'

async function start (): Promise<void> {
  const environment = readEnvironment()
  const app = await buildApp(environment)
  closeOnSignals(app)
  await listen(app, environment)
}

start().catch((error: unknown) => {
  // A wrong setting needs one line, an error of a route file its stack.
  const told = error instanceof EnvironmentError ? error.message : error instanceof Error ? error.stack : String(error)
  process.stderr.write(`holdfast cannot start: ${told}\n`)
  process.exit(1)
})
