import { HoldfastError } from '../errors.js'

interface Failure {
  /** The setting that is wrong. */
  readonly setting: 'port' | 'host'
  /** What is wrong with its value, and the remedy. */
  readonly remedy: string
}

// By the code of the error with which a server cannot listen.
const FAILURES: Readonly<Record<string, Failure>> = {
  EADDRINUSE: { setting: 'port', remedy: 'is in use already; stop the process that listens there, or give another port' },
  EACCES: { setting: 'port', remedy: 'may not be listened on by this user; give a port above 1023, or grant CAP_NET_BIND_SERVICE' },
  EADDRNOTAVAIL: { setting: 'host', remedy: 'is no address of this machine; give one of its addresses, or 0.0.0.0 for all of them' },
  EAFNOSUPPORT: { setting: 'host', remedy: 'is of an address family that this machine does not have; give an IPv4 address, like 0.0.0.0' },
  EINVAL: { setting: 'host', remedy: 'cannot be listened on; a link-local address needs its zone, like fe80::1%eth0' },
  ENOTFOUND: { setting: 'host', remedy: 'is a name that has no address; correct it, or give an address' },
  EAI_AGAIN: { setting: 'host', remedy: 'could not be looked up, since the name server does not answer; give an address' }
}

/** Why a server cannot listen, and what to do about it; undefined for an error that is not about its port or its host. */
export function listenFailure (error: unknown): Failure | undefined {
  return FAILURES[(error as NodeJS.ErrnoException).code ?? '']
}

/** The error of an admin surface that cannot listen. Its message names the option; `cause` is the error of the server. */
export function adminListenError (cause: unknown, values: { readonly port: number, readonly host: string }): HoldfastError {
  const { setting, remedy } = listenFailure(cause) ?? { setting: 'port', remedy: `cannot be listened on: ${(cause as Error).message}` }
  return new HoldfastError('HOLDFAST_ERR_OPTION', { cause, message: `admin.${setting}: ${JSON.stringify(values[setting])} ${remedy}` })
}
