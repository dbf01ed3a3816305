import type { FastifyBaseLogger, FastifyReply } from 'fastify'

/** What Fastify's logger has where it is pino, as it is unless an app brings a logger of its own. */
interface LeveledLogger { isLevelEnabled? (level: string): boolean }

/**
 * Whether a logger writes lines of a level. The logger of an app without one is no pino, and has no level, which
 * tells it from a logger that an app has brought: that one is taken to write any line.
 */
export function writesLevel (log: FastifyBaseLogger, level: string): boolean {
  const { isLevelEnabled } = log as LeveledLogger
  return isLevelEnabled === undefined ? log.level !== undefined : isLevelEnabled.call(log, level)
}

/**
 * Whether a request's logger is its own, and its level may be changed. An app without a logger has one for all
 * requests, which is no pino.
 */
export function hasOwnLevel (log: FastifyBaseLogger): boolean {
  return 'isLevelEnabled' in log
}

/**
 * Has Fastify's own lines of a request be written by another logger from here on, `request completed` and that of an
 * error: Fastify writes them with `reply.log` as it is then. Should it keep a logger of its own one day, its lines
 * say nothing more than they do without this.
 */
export function logLinesWith (reply: FastifyReply, log: FastifyBaseLogger): void {
  reply.log = log
}
