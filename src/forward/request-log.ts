import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify'
import type { Provenance } from '../connection/observer.js'

// On a logger that has the provenance: the request's own logger, without it.
const kOwn = Symbol('holdfast.log')
type TellingLogger = FastifyBaseLogger & { [kOwn]?: FastifyBaseLogger }
// Fastify's own logger is pino, which has this. An app's own logger need not have it.
interface LeveledLogger { isLevelEnabled? (level: string): boolean }

const kToldElsewhere = Symbol('holdfast.told-elsewhere')

/** Marks an app that writes its requests' log lines itself, with `provenanceOf`. Fastify's lines get no provenance there. */
export function tellElsewhere (app: FastifyInstance): void {
  Object.defineProperty(app, kToldElsewhere, { value: true })
}

/**
 * Adds a `provenance` object to the lines that Fastify still logs for a request, which it logs with the reply's logger. A second call,
 * after a failure, replaces the first object. Nothing is made where no such line will be written.
 *
 * @param level of the lines that will be written
 */
export function logProvenance (reply: FastifyReply, level: 'info' | 'error', of: { readonly provenance: Provenance | undefined }): void {
  if (!isRequestLogged(reply, level)) return
  const { provenance } = of
  if (provenance === undefined) return
  const own = (reply.log as TellingLogger)[kOwn] ?? reply.log
  const telling: TellingLogger = own.child({ provenance })
  telling[kOwn] = own
  reply.log = telling
}

// Where a `logController` of the app switches request logging off, this cannot see it.
function isRequestLogged ({ log, request }: FastifyReply, level: string): boolean {
  if (kToldElsewhere in request.server) return false
  const { isLevelEnabled } = log as LeveledLogger
  // An app without logging has a logger without a level.
  if (isLevelEnabled === undefined ? log.level === undefined : !isLevelEnabled.call(log, level)) return false
  const disabled = request.server.initialConfig.disableRequestLogging as boolean | ((request: unknown) => boolean) | undefined
  return typeof disabled === 'function' ? !disabled(request) : disabled !== true
}
