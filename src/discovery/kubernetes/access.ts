import { existsSync, readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { optionError } from '../../errors.js'

/** How the API server of a cluster is reached. */
export interface KubernetesAccess {
  /** An http: or https: URL, without a path: `https://10.96.0.1:443`, or `http://127.0.0.1:8001` of `kubectl proxy`. */
  readonly url: string
  /** A file with a bearer token. It is read for each request, since Kubernetes replaces the token about each hour. */
  readonly tokenFile?: string
  /** A file with the certificates, in PEM, that the API server's has to be issued by. It is read for each request too. */
  readonly caFile?: string
  /** The namespace of services that are named without one. */
  readonly namespace?: string
}

/** Where Kubernetes puts the files of a pod's service account. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * The access that Kubernetes gives a pod: its service account, and the API server's address. Throws HOLDFAST_ERR_OPTION if there is none.
 *
 * @param option the option that asked for it, and its value: for the error
 * @param directory with the account's `token`, `ca.crt` and `namespace`
 */
export function inClusterAccess (option: string, value: unknown, env = process.env, directory = ACCOUNT): KubernetesAccess {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env
  const missing = (what: string): never => {
    throw optionError(option, value, `needs the service account of a pod, and ${what}; run in a pod with automountServiceAccountToken, ` +
      'or say in discovery.kubernetes where the API server is')
  }
  if (host === '') missing('KUBERNETES_SERVICE_HOST is not set')
  const file = (name: string): string | undefined => existsSync(join(directory, name)) ? join(directory, name) : undefined
  const tokenFile = file('token') ?? missing(`${join(directory, 'token')} is not there`)
  const caFile = file('ca.crt')
  const namespace = file('namespace')
  return {
    url: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    tokenFile,
    ...caFile !== undefined && { caFile },
    ...namespace !== undefined && { namespace: readFileSync(namespace, 'utf8').trim() }
  }
}
