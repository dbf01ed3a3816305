import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify'
import type { Provenance } from '../connection/observer.js'
import { logLinesWith, writesLevel } from '../quirks/fastify-log.js'

// The request's own logger, behind one that says more.
const kOwn = Symbol('holdfast.log')
type TellingLogger = FastifyBaseLogger & { [kOwn]?: FastifyBaseLogger }

const kToldElsewhere = Symbol('holdfast.told-elsewhere')

/** Says of an app that the lines of its requests are not Fastify's: whoever writes them asks `provenanceOf`. */
export function tellElsewhere (app: FastifyInstance): void {
  Object.defineProperty(app, kToldElsewhere, { value: true })
}

/**
 * Has Fastify's own lines of this request say from here on, in one object, how it travelled: they are written with the reply's
 * logger. A second time, after a failure, takes the place of the first. Nothing is made where nobody would read it.
 *
 * @param level of the lines that are to come
 */
export function logProvenance (reply: FastifyReply, level: 'info' | 'error', of: { readonly provenance: Provenance | undefined }): void {
  if (!isRequestLogged(reply, level)) return
  const { provenance } = of
  if (provenance === undefined) return
  const own = (reply.log as TellingLogger)[kOwn] ?? reply.log
  const telling: TellingLogger = own.child({ provenance })
  telling[kOwn] = own
  logLinesWith(reply, telling)
}

// Request logging that a `logController` of the app's switches off cannot be seen from here.
function isRequestLogged ({ log, request }: FastifyReply, level: string): boolean {
  if (kToldElsewhere in request.server) return false
  if (!writesLevel(log, level)) return false
  const disabled = request.server.initialConfig.disableRequestLogging as boolean | ((request: unknown) => boolean) | undefined
  return typeof disabled === 'function' ? !disabled(request) : disabled !== true
}
