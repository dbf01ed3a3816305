import type { FastifyRequest } from 'fastify'
import type { HeaderRecord } from '../http/headers.js'
import type { ResolvedRouteOptions } from '../options/route-options.js'
import type { Target } from '../target/target.js'
import type { FromOptions } from './from-options.js'

/** What a route decides once, for all its requests. */
export interface ForwardRoute {
  readonly options: ResolvedRouteOptions
  readonly maxHops: number
  /** Media types whose parsed body is written as JSON. Types that end in `+json` always are. */
  readonly jsonTypes: ReadonlySet<string>
  /** The target of one request. */
  targetOf (request: FastifyRequest, options: FromOptions): Target
  /** The address of the endpoint that `getUpstream` has chosen for a request, after `targetOf`. Undefined for routes where it cannot. */
  readonly pinnedOf: ((request: FastifyRequest) => string | undefined) | undefined
  /** Whether `rewriteHeaders` calls a function of the user's, which may return an object that it keeps. */
  readonly rewritesHeaders: boolean
  /** The response's headers with `Location` rewritten, and as the user's function changes them. */
  rewriteHeaders (headers: HeaderRecord, request: FastifyRequest): HeaderRecord
}
