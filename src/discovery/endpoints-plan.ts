import { sameValue } from '../options/same-value.js'
import type { DiscoveryFunction } from '../options/upstream-option.js'
import type { DiscoveryUrl } from './discovery-url.js'
import type { Found } from './source.js'

/** How the endpoints of a target are found. */
export type EndpointsPlan =
  /** The one endpoint is the target's origin, whose name each dial resolves. */
  | { readonly kind: 'origin' }
  | { readonly kind: 'list', readonly found: readonly Found[] }
  /** @property upstream as the user wrote it, for errors */
  | { readonly kind: 'url', readonly url: DiscoveryUrl, readonly upstream: string }
  | { readonly kind: 'function', readonly discover: DiscoveryFunction }

export const ORIGIN_PLAN: EndpointsPlan = Object.freeze({ kind: 'origin' })

/** Whether two plans find the same endpoints. Two functions do only if they are one and the same. */
export function samePlan (a: EndpointsPlan, b: EndpointsPlan): boolean {
  // The rest of the URL follows from its text.
  return a.kind === 'url' && b.kind === 'url' ? a.upstream === b.upstream : sameValue(a, b)
}
