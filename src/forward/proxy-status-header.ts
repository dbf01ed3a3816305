import type { Provenance } from '../connection/observer.js'
import { withProxyStatus } from '../http/proxy-status.js'
import type { ProxyStatus } from '../http/proxy-status.js'
import { provenanceWords } from '../target/provenance.js'

/**
 * The value of `Proxy-Status` for a response, with how its request travelled as the details.
 *
 * @param before the backend's lines of that header
 */
export function proxyStatusOf (
  { provenance }: { readonly provenance: Provenance | undefined }, before: string | string[] | undefined, status: ProxyStatus
): string {
  return withProxyStatus(before, { ...status, details: provenance === undefined ? undefined : provenanceWords(provenance) })
}
