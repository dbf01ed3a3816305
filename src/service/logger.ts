import type { FastifyServerOptions } from 'fastify'
import type { Environment } from './environment.js'

/** The options of the microservice's logger: lines of JSON, or lines for a person where stdout is a terminal. */
export function loggerOf ({ logLevel }: Environment): FastifyServerOptions['logger'] {
  if (!process.stdout.isTTY) return { level: logLevel }
  return { level: logLevel, transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', singleLine: true } } }
}
