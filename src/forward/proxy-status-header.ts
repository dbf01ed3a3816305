import type { Provenance } from '../connection/observer.js'
import { withProxyStatus } from '../http/proxy-status.js'
import type { ProxyStatus } from '../http/proxy-status.js'
import { provenanceWords } from '../target/provenance.js'

/**
 * The value of `Proxy-Status` for a response, with how its request travelled as the details, and the endpoint's id as the next hop.
 *
 * @param before the backend's lines of that header
 */
export function proxyStatusOf (
  { provenance }: { readonly provenance: Provenance | undefined }, before: string | string[] | undefined, status: ProxyStatus
): string {
  if (provenance === undefined) return withProxyStatus(before, status)
  return withProxyStatus(before, { ...status, nextHop: provenance.endpoint, details: provenanceWords(provenance) })
}
