import type { FastifyServerOptions } from 'fastify'
import { lineMask } from '../http/mask-line.js'
import type { Environment } from './environment.js'

/** Options of Fastify's logger; false: there are no lines. */
export type LoggerOptions = Exclude<FastifyServerOptions['logger'], true | undefined>

/**
 * The options of the microservice's logger: lines of JSON, or lines for a person where stdout is a terminal. The URLs of each line are
 * masked, whatever writes it.
 *
 * @param options level and destination, in place of those
 */
export function loggerOf (environment: Environment, options: LoggerOptions = destinationOf(environment)): LoggerOptions {
  if (options === false) return false
  return { ...options, hooks: { streamWrite: lineMask(environment.logMask) } }
}

function destinationOf ({ logLevel }: Environment): LoggerOptions {
  if (!process.stdout.isTTY) return { level: logLevel }
  return { level: logLevel, transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', singleLine: true } } }
}
