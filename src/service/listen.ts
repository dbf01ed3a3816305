import type { FastifyInstance } from 'fastify'
import { listenFailure } from '../admin/listen-failure.js'
import { HoldfastError } from '../errors.js'
import { wrongValue } from './environment-error.js'
import type { Environment } from './environment.js'
import { OF_ADMIN, OF_CLIENTS, portInAddress } from './listen-host.js'

/**
 * Listens: first the admin surface, then the clients' port. So no client is served where one of them cannot listen. Throws
 * EnvironmentError where a variable is the cause.
 */
export async function listen (app: FastifyInstance, { host, port, admin }: Environment): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const ofAdmin = error instanceof HoldfastError && error.code === 'HOLDFAST_ERR_OPTION' && admin !== undefined
    const cause = ofAdmin ? error.cause : error
    const failure = listenFailure(cause)
    if (failure === undefined) throw error
    const { setting, remedy } = failure
    const name = setting.toUpperCase()
    const [variable, value] = ofAdmin ? [`ADMIN_${name}`, admin[setting]] : [name, { host, port }[setting]]
    const addition = setting === 'host' ? portInAddress(String(value), ofAdmin ? OF_ADMIN : OF_CLIENTS) : ''
    throw wrongValue(variable, value, remedy + addition)
  }
}
