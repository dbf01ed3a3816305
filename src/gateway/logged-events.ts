import type { FastifyBaseLogger } from 'fastify'
import type { ConnectionObserver } from '../connection/observer.js'

/**
 * Logs what changes at targets: what is believed of their backends, and their endpoints. Each change is one line. An ejection is a warning,
 * since it takes a part of a target out of service.
 *
 * @param severalAt whether the target of this name has several endpoints; then a line about one of them names it
 */
export function loggedEvents (log: FastifyBaseLogger, severalAt: (target: string) => boolean): ConnectionObserver {
  return {
    persistenceChanged (target, from, to, cause, endpoint) {
      const several = severalAt(target)
      const subject = several ? `endpoint ${endpoint} of ${target}` : target
      log.info({ target, ...several && { endpoint }, from, to, cause }, `${subject} is ${to}: ${cause}`)
    },
    endpointChanged (target, { endpoint, address, from, to, cause }) {
      const fields = { target, endpoint, address, from, to, cause }
      const line = `endpoint ${address} of ${target} is ${to}: ${cause}`
      if (to === 'ejected') log.warn(fields, line)
      else log.info(fields, line)
    },
    endpointRefusing (target, endpoint, address, refusing) {
      if (refusing) log.warn({ target, endpoint, address }, `endpoint ${address} of ${target} refuses dials`)
      else log.info({ target, endpoint, address }, `endpoint ${address} of ${target} accepts dials again`)
    },
    endpointDrained: (target, endpoint, address) => log.info({ target, endpoint, address }, `endpoint ${address} of ${target} is drained`)
  }
}
