import type { FastifyBaseLogger, FastifyReply } from 'fastify'

/** Fastify's own logger is pino, which has this method. A logger that the app brings need not have it. */
interface LeveledLogger { isLevelEnabled? (level: string): boolean }

/**
 * Whether a logger writes lines of a level. An app without logging has a logger without a level, and no line is written. For a logger
 * that the app brings, this cannot be known, and counts as true.
 */
export function writesLevel (log: FastifyBaseLogger, level: string): boolean {
  const { isLevelEnabled } = log as LeveledLogger
  return isLevelEnabled === undefined ? log.level !== undefined : isLevelEnabled.call(log, level)
}

/**
 * Whether the logger of a request has a level of its own, which may be changed. In an app without logging all requests share one logger.
 */
export function hasOwnLevel (log: FastifyBaseLogger): boolean {
  return 'isLevelEnabled' in log
}

/**
 * Replaces the logger of a reply. Fastify writes its own later lines of the request (`request completed`, or the error) with the logger
 * that the reply has then. Its docs do not promise that. If a later version uses another logger, its lines stay as they are.
 */
export function logLinesWith (reply: FastifyReply, log: FastifyBaseLogger): void {
  reply.log = log
}
