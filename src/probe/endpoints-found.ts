import type { EndpointsPlan } from '../discovery/endpoints-plan.js'
import { functionSource } from '../discovery/function-source.js'
import { addressId } from '../discovery/source.js'
import type { Answer, DiscoveryFault, Found, Source } from '../discovery/source.js'
import { REFRESH, sourceOfUrl } from '../discovery/source-of-url.js'
import type { SourceSettings } from '../discovery/source-of-url.js'
import { SYSTEM_TIMING } from '../discovery/timing.js'
import { HoldfastError } from '../errors.js'

/** How the endpoints of a target are found, and the one origin that their requests are for. */
export interface PlannedTarget {
  readonly origin: URL
  /** Any plan but `origin`, whose one endpoint is the origin itself. */
  readonly plan: Exclude<EndpointsPlan, { kind: 'origin' }>
}

/**
 * The endpoints of a target now: those of its list, or of one answer of its source. Rejects with HOLDFAST_ERR_UNRESOLVABLE where the source
 * has no answer, or one without endpoints, and with HOLDFAST_ERR_OPTION where a service account is missing.
 */
export async function endpointsFound (
  { origin, plan }: PlannedTarget, settings: SourceSettings = {}, signal?: AbortSignal
): Promise<readonly Found[]> {
  if (plan.kind === 'list') return plan.found
  const source = plan.kind === 'url'
    ? sourceOfUrl(plan.url, settings, plan.upstream)
    : functionSource(plan.discover, {
      protocol: origin.protocol as 'http:' | 'https:', refresh: settings.refresh ?? REFRESH, timing: settings.timing ?? SYSTEM_TIMING
    })
  const { found, fault } = await firstAnswer(source, signal)
  if (found.length === 0) throw unresolvable(fault ?? { kind: 'empty', message: 'the answer has no endpoints' })
  return found
}

/** The URL of an endpoint, for a path of its target. */
export function urlOfEndpoint ({ host, port }: Found, { protocol }: URL, path = '/'): URL {
  return new URL(`${protocol}//${addressId(host, port)}${path}`)
}

/** A source asks for ever; here its first answer, or its first fault, ends it. */
async function firstAnswer (source: Source, signal: AbortSignal | undefined): Promise<Answer> {
  let stopWaiting = (): void => {}
  try {
    return await new Promise<Answer>((resolve, reject) => {
      stopWaiting = () => reject(new HoldfastError('HOLDFAST_ERR_DRAINING'))
      if (signal?.aborted === true) return stopWaiting()
      signal?.addEventListener('abort', stopWaiting, { once: true })
      source.start({ found: resolve, failed: fault => reject(unresolvable(fault)) })
    })
  } finally {
    signal?.removeEventListener('abort', stopWaiting)
    source.stop()
  }
}

function unresolvable ({ message, cause }: DiscoveryFault): HoldfastError {
  return new HoldfastError('HOLDFAST_ERR_UNRESOLVABLE', { cause: new Error(message, cause === undefined ? undefined : { cause }) })
}
