import { isIP } from 'node:net'
import type { Found } from '../discovery/source.js'
import { HoldfastError } from '../errors.js'
import type { ConnectOptions } from '../options/option-types.js'
import { bareHost } from '../http/bare-host.js'
import { urlOfEndpoint } from './endpoints-found.js'
import type { Measurements } from './measurements.js'
import { measure } from './probe.js'
import type { ProbeOptions } from './probe.js'

/** What one endpoint of a target did, or why it could not be measured. */
export type MeasuredEndpoint =
  | { readonly address: string, readonly found: Measurements }
  | { readonly address: string, readonly failure: HoldfastError }

/** The endpoints to probe, and what their requests ask for. */
export interface ProbedTarget {
  /** The one origin of all: its host is sent as `Host`, and certificates have to be for it. */
  readonly origin: URL
  readonly endpoints: readonly Found[]
  /** With the query. @defaultValue `/` */
  readonly path?: string
}

/**
 * Probes the endpoints of a target one after another, as a gateway would reach them. An endpoint that cannot be reached is a result.
 * Ended by `signal`, it leaves out the endpoints that it has not come to.
 */
export async function measureEndpoints ({ origin, endpoints, path }: ProbedTarget, options: ProbeOptions): Promise<MeasuredEndpoint[]> {
  const measured: MeasuredEndpoint[] = []
  const { onProgress, signal } = options
  for (const [i, endpoint] of endpoints.entries()) {
    if (signal?.aborted === true) break
    const url = urlOfEndpoint(endpoint, origin, path)
    const address = url.host
    try {
      const found = await measure(url, {
        ...options,
        ...throughOrigin(origin, options),
        ...onProgress && { onProgress: text => onProgress(`${address}, ${i + 1} of ${endpoints.length}: ${text}`) }
      })
      measured.push({ address, found })
    } catch (failure) {
      if (!(failure instanceof HoldfastError)) throw failure
      measured.push({ address, failure })
    }
  }
  return measured
}

/** How an endpoint is asked in the name of its origin. What the user has given stays. */
export function throughOrigin (
  origin: URL, { headers = [], connect = {} }: Pick<ProbeOptions, 'headers' | 'connect'>
): { headers: readonly string[], connect: ConnectOptions } {
  const named = headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'host')
  const host = bareHost(origin)
  return {
    headers: named ? headers : ['Host', origin.host, ...headers],
    connect: isIP(host) === 0 ? { servername: host, ...connect } : connect
  }
}
