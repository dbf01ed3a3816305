import type { FastifyInstance } from 'fastify'
import { logWritten } from './log-output.js'

/**
 * Logs an error that no code has caught, with its stack in one line, and ends the process with 1. Node would write the stack in many lines
 * of stderr, which a collector of JSON lines does not read. The state of the process is unknown then, so nothing is drained.
 */
export function logUncaught (app: FastifyInstance): void {
  process.on('uncaughtException', (err, origin) => {
    app.log.fatal({ err, origin }, 'an error was not caught: the process ends at once, in-flight requests are cut')
    logWritten().then(() => process.exit(1))
  })
}
