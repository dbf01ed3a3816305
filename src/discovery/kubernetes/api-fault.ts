import { DiscoveryFailure } from '../source.js'
import type { ApiResponse } from './api.js'

/** Which slices are followed. */
export interface Followed { readonly namespace: string, readonly service: string }

const RULE = 'apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"]'

/** What a status of the API server other than 200 means, and what to do about it. */
export function statusFailure ({ status, body }: Pick<ApiResponse, 'status' | 'body'>, { namespace }: Followed): DiscoveryFailure {
  const said = messageOf(body)
  switch (status) {
    case 401:
      return new DiscoveryFailure('denied', 'the API server does not accept the service account\'s token (401)', said)
    case 403:
      return new DiscoveryFailure('denied', `the service account may not follow EndpointSlices in namespace ${namespace} (403); ` +
        `bind it to a Role there with the rule ${RULE}`, said)
    case 404:
      return new DiscoveryFailure('failed', 'the API server has no discovery.k8s.io/v1 (404); it needs Kubernetes 1.21 or later', said)
    default:
      return new DiscoveryFailure('failed', `the API server answered ${status}`, said)
  }
}

/** The wait, in ms, that a response asks for in seconds (429, 503). */
export function retryAfterOf ({ headers }: Pick<ApiResponse, 'headers'>): number | undefined {
  const seconds = Number(headers['retry-after'] ?? NaN)
  return seconds >= 0 ? seconds * 1_000 : undefined
}

/** The message of a Status object, or the beginning of another body. */
function messageOf (body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown }
    if (typeof message === 'string') return message
  } catch {}
  return body.slice(0, 200)
}
