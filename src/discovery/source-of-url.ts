import type { LookupFunction } from 'node:net'
import { optionError } from '../errors.js'
import type { DiscoveryUrl } from './discovery-url.js'
import { dnsSource } from './dns-source.js'
import { inClusterAccess, type KubernetesAccess } from './kubernetes/access.js'
import { KubernetesSource } from './kubernetes/kubernetes-source.js'
import { NameServers } from './name-servers.js'
import type { Source } from './source.js'
import { srvSource } from './srv-source.js'
import { SYSTEM_TIMING, type Timing } from './timing.js'

/** How often names are asked for, where, and by what. */
export interface SourceSettings {
  /** The longest time between an answer and the next question, in ms. @defaultValue 5 000 */
  readonly refresh?: number
  /** Name servers to ask in place of those of resolv.conf: IP addresses, with ports or without. */
  readonly servers?: readonly string[]
  /** Where the API server is. @defaultValue what Kubernetes gives a pod */
  readonly kubernetes?: KubernetesAccess
  /** Knows names that neither the hosts file nor DNS has. @defaultValue `dns.lookup` */
  readonly lookup?: LookupFunction
  /** @defaultValue the process's own */
  readonly timing?: Timing
}

/** In ms, as in Envoy. */
export const REFRESH = 5_000

/**
 * The source of an upstream with discovery. It asks nothing before its start. Throws HOLDFAST_ERR_OPTION where a service account is
 * needed, and there is none.
 *
 * @param upstream as the user wrote it, and `option` its name: for errors
 */
export function sourceOfUrl (url: DiscoveryUrl, settings: SourceSettings, upstream: unknown, option = 'upstream'): Source {
  const { refresh = REFRESH, servers, lookup, timing = SYSTEM_TIMING } = settings
  if (url.kind === 'kubernetes') {
    const { service, port, protocol } = url
    const access = settings.kubernetes ?? inClusterAccess(option, upstream)
    const namespace = url.namespace ?? access.namespace
    if (namespace === undefined) {
      const remedy = 'has no namespace, and the service account tells none; give one like kubernetes+http://users.shop:http'
      throw optionError(option, upstream, remedy)
    }
    return new KubernetesSource({ namespace, service, port, protocol, access, timing })
  }
  const setting = { servers: new NameServers(servers), refresh, timing, ...lookup !== undefined && { lookup } }
  return url.kind === 'dns' ? dnsSource(url.name, url.port, setting) : srvSource(url.name, setting)
}
