import { DiscoveryFailure } from '../source.js'
import type { KubernetesApi } from './api.js'
import { retryAfterOf, statusFailure, type Followed } from './api-fault.js'
import { readSlice, type Slice } from './slice.js'
import type { Outcome, Step } from './step.js'

const PAGE = 500

type ListStep = Step & { readonly type: 'list' }

/** A list, or the outcome of asking for one in vain. */
export type Listed =
  | { readonly slices: ReadonlyMap<string, Slice>, readonly outcome: Outcome & { readonly type: 'listed' } }
  | { readonly slices?: undefined, readonly outcome: Outcome, readonly failure?: DiscoveryFailure }

/** The path of the slices of a service. */
export function slicesPath ({ namespace, service }: Followed, query: Readonly<{ [name: string]: string }>): string {
  const search = new URLSearchParams({ labelSelector: `kubernetes.io/service-name=${service}`, ...query })
  return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?${search}`
}

/** Lists the slices of a service, page by page. */
export async function listSlices (api: KubernetesApi, followed: Followed, step: ListStep, signal: AbortSignal): Promise<Listed> {
  const { version, paged } = step
  const slices = new Map<string, Slice>()
  let from: string | undefined
  for (;;) {
    // The version belongs to the first page: the others are of the same snapshot.
    const start: { [name: string]: string } = from !== undefined ? { continue: from } : version !== '' ? { resourceVersion: version } : {}
    const response = await api.get(slicesPath(followed, { ...start, ...paged && { limit: String(PAGE) } }), signal)
    if (response.status === 410) return { outcome: { type: 'expired' } }
    if (response.status !== 200) {
      const failure = statusFailure(response, followed)
      if (response.status === 401) return { outcome: { type: 'unauthorized' }, failure }
      const retryAfter = retryAfterOf(response)
      return { outcome: { type: 'failed', ...retryAfter !== undefined && { retryAfter } }, failure }
    }
    const { metadata, items } = read(response.body)
    for (const item of items) {
      const slice = readSlice(item)
      if (slice !== undefined) slices.set(slice.name, slice)
    }
    from = metadata.continue === '' ? undefined : metadata.continue
    if (from === undefined) return { slices, outcome: { type: 'listed', version: metadata.resourceVersion } }
  }
}

interface SliceList {
  readonly metadata: { readonly resourceVersion: string, readonly continue?: string }
  readonly items: readonly unknown[]
}

function read (body: string): SliceList {
  let list: Partial<SliceList> | null = null
  try {
    list = JSON.parse(body) as Partial<SliceList> | null
  } catch {}
  if (typeof list?.metadata?.resourceVersion !== 'string') {
    throw new DiscoveryFailure('invalid', 'the API server\'s answer is no list of EndpointSlices')
  }
  // Go writes an empty list as null.
  return { metadata: list.metadata, items: Array.isArray(list.items) ? list.items : [] }
}
