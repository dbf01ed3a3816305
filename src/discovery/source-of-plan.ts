import type { LookupFunction } from 'node:net'
import type { ResolvedDiscovery } from '../options/target-options.js'
import type { EndpointsPlan } from './endpoints-plan.js'
import { functionSource } from './function-source.js'
import { sourceOfUrl } from './source-of-url.js'
import type { Source } from './source.js'
import { SYSTEM_TIMING } from './timing.js'

/** Makes the source of a plan. Throws HOLDFAST_ERR_OPTION where a service account is needed, and there is none. */
export function sourceOfPlan (
  plan: EndpointsPlan & { readonly kind: 'url' | 'function' }, origin: URL, discovery: ResolvedDiscovery, lookup: LookupFunction
): Source {
  const { refresh, servers, kubernetes } = discovery
  if (plan.kind === 'function') {
    return functionSource(plan.discover, { protocol: origin.protocol as 'http:' | 'https:', refresh, timing: SYSTEM_TIMING })
  }
  return sourceOfUrl(plan.url, {
    refresh, lookup, ...servers === undefined ? {} : { servers }, ...kubernetes === undefined ? {} : { kubernetes }
  }, plan.upstream)
}
