import type { FastifyServerOptions } from 'fastify'
import { prettyFactory } from 'pino-pretty'
import type { Environment } from './environment.js'
import { LogOutput } from './log-output.js'

/** The options of the microservice's logger: lines of JSON, or lines for a person where stdout is a terminal. */
export function loggerOf ({ logLevel }: Environment): FastifyServerOptions['logger'] {
  // Not as a transport: its thread waits for a terminal that has closed, and the process with it.
  const format = process.stdout.isTTY ? prettyFactory({ ignore: 'pid,hostname', singleLine: true }) : undefined
  return { level: logLevel, stream: new LogOutput(format) }
}
