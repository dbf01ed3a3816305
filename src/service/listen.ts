import type { FastifyInstance } from 'fastify'
import { EnvironmentError } from './environment-error.js'
import type { Environment } from './environment.js'

// The variable that is wrong, by the error of `listen`.
const LISTEN_ERRORS: Record<string, 'HOST' | 'PORT'> = {
  EADDRINUSE: 'PORT', EACCES: 'PORT', EADDRNOTAVAIL: 'HOST', EAFNOSUPPORT: 'HOST', EINVAL: 'HOST', ENOTFOUND: 'HOST', EAI_AGAIN: 'HOST'
}

/** Listens on HOST and PORT. Throws EnvironmentError where one of them is the cause that it cannot. */
export async function listen (app: FastifyInstance, { host, port }: Environment): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const name = LISTEN_ERRORS[code]
    if (name === undefined) throw error
    const value = name === 'PORT' ? port : JSON.stringify(host)
    throw new EnvironmentError(`${name}: ${value} cannot be listened on: ${message}`, { cause: error })
  }
}
