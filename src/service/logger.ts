import type { FastifyServerOptions } from 'fastify'
import { prettyFactory } from 'pino-pretty'
import { lineMask } from '../http/mask-line.js'
import type { Environment } from './environment.js'
import { LogOutput } from './log-output.js'

/** Options of Fastify's logger; false: there are no lines. */
export type LoggerOptions = Exclude<FastifyServerOptions['logger'], true | undefined>

/**
 * The options of the microservice's logger: lines of JSON, or lines for a person where stdout is a terminal. The URLs of each line are
 * masked, whatever writes it.
 *
 * @param options level and destination, in place of those
 */
export function loggerOf (environment: Environment, options: LoggerOptions = outputOf(environment)): LoggerOptions {
  if (options === false) return false
  return { ...options, hooks: { streamWrite: lineMask(environment.logMask) } }
}

function outputOf ({ logLevel }: Environment): LoggerOptions {
  // Not as a transport: its thread waits for a terminal that has closed, and the process with it.
  const format = process.stdout.isTTY ? prettyFactory({ ignore: 'pid,hostname', singleLine: true }) : undefined
  return { level: logLevel, stream: new LogOutput(format) }
}
