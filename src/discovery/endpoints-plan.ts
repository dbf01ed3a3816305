import type { DiscoveryUrl } from './discovery-url.js'
import type { DiscoveryFunction } from './function-source.js'
import type { Found } from './source.js'

/** How the endpoints of a target are found. */
export type EndpointsPlan =
  /** The one endpoint is the target's origin, whose name each dial resolves. */
  | { readonly kind: 'origin' }
  | { readonly kind: 'list', readonly found: readonly Found[] }
  /** @property upstream as the user wrote it, for errors */
  | { readonly kind: 'url', readonly url: DiscoveryUrl, readonly upstream: string }
  | { readonly kind: 'function', readonly discover: DiscoveryFunction }
