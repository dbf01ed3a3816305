import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import type { GivenEndpoint } from '../options/upstream-option.js'
import type { EndpointSnapshot } from '../endpoint/endpoint-snapshot.js'
import { optionError } from '../errors.js'
import { refuseUnknown } from '../options/unknown-names.js'
import type { TargetEndpoints } from '../target/target-endpoints.js'
import type { EndpointAnswer, EndpointsAnswer } from './api-shapes.js'
import { Refusal, orRefusal } from './refusal.js'
import { serve } from './serve.js'
import { objectOf } from './update.js'

/** The largest list of endpoints, in bytes: a thousand of them, each with all of its fields. */
const LIST_LIMIT = 262_144
/** The longest cause of an ejection, in characters. Each log line of the ejection has it. */
const LONGEST_CAUSE = 200

const ASKED = 'asked for over the admin API'
const NEEDS_TOKEN = 'Endpoints are replaced only where there is a token: set admin.token (ADMIN_TOKEN)'

interface EndpointsOwner { readonly name: string, readonly endpoints: TargetEndpoints }

type Action = (endpoints: TargetEndpoints, endpoint: string, body: unknown) => object | void

// By the last part of the path. What they return is added to the log line.
const ACTIONS: Readonly<Record<string, { readonly act: Action, readonly line: string }>> = {
  drain: { act: (endpoints, endpoint) => endpoints.drain(endpoint), line: 'an endpoint drains, as asked over the admin API' },
  undrain: { act: (endpoints, endpoint) => endpoints.undrain(endpoint), line: 'an endpoint drains no longer, as asked over the admin API' },
  eject: {
    act: (endpoints, endpoint, body) => {
      const ejection = ejectionOf(body)
      endpoints.eject(endpoint, ejection)
      return ejection
    },
    line: 'an endpoint is ejected, as asked over the admin API'
  },
  restore: {
    act: (endpoints, endpoint) => endpoints.restore(endpoint),
    line: 'the ejection of an endpoint is ended, as asked over the admin API'
  }
}

interface EndpointsSubject {
  /** Throws where there is no such target. */
  readonly targetOf: (request: FastifyRequest) => EndpointsOwner
  readonly log: FastifyBaseLogger
  /** Whether callers have shown a token. Without one, every process of the machine could send a target's requests to itself. */
  readonly guarded: boolean
}

/** Adds the routes that change a target's endpoints. */
export function serveEndpoints (scope: FastifyInstance, { targetOf, log, guarded }: EndpointsSubject): void {
  serve(scope, '/api/targets/:name/endpoints', {
    GET: (request): EndpointsAnswer => ({ endpoints: targetOf(request).endpoints.list() }),
    PUT: (request): EndpointsAnswer => {
      const { name, endpoints } = targetOf(request)
      if (!guarded) throw new Refusal(403, 'HOLDFAST_ADMIN_TOKEN', NEEDS_TOKEN)
      // `set` checks the list, as in code.
      const given = request.body as readonly GivenEndpoint[]
      orRefusal(() => endpoints.set(given))
      log.info({ target: name, endpoints: given.length }, 'the endpoints are replaced, as asked over the admin API')
      return { endpoints: endpoints.list() }
    }
  }, LIST_LIMIT)
  for (const [action, { act, line }] of Object.entries(ACTIONS)) {
    serve(scope, `/api/targets/:name/endpoints/:endpoint/${action}`, {
      POST: (request): EndpointAnswer => {
        const { name, endpoints } = targetOf(request)
        const { endpoint: given } = request.params as { endpoint: string }
        const before = named(endpoints.list(), given)
        const more = orRefusal(() => act(endpoints, given, request.body))
        log.info({ target: name, endpoint: before?.id ?? given, address: before?.address, ...more }, line)
        return { endpoint: named(endpoints.list(), before?.id ?? given) ?? null }
      }
    })
  }
}

function named (list: readonly EndpointSnapshot[], given: string): EndpointSnapshot | undefined {
  return list.find(({ id, address }) => id === given || address === given)
}

/** The options of an ejection; null as `ms` stands for `Infinity`, as in the API's answers. Throws HOLDFAST_ERR_OPTION. */
function ejectionOf (body: unknown): { ms?: number, cause: string } {
  if (body === undefined || body === null) return { cause: ASKED }
  const given = objectOf(body, 'The body')
  refuseUnknown(given, ['ms', 'cause'], '')
  const { ms, cause = ASKED } = given
  if (ms !== undefined && ms !== null && !(typeof ms === 'number' && ms > 0)) {
    throw optionError('ms', ms, 'is no time; give a number of ms above 0, or null for an ejection that lasts until it is ended')
  }
  // Control characters could forge lines where a log is shown as text.
  if (typeof cause !== 'string' || cause.length > LONGEST_CAUSE || cause.trim() === '' || /\p{C}/u.test(cause)) {
    throw optionError('cause', cause, `is no text of at most ${LONGEST_CAUSE} characters in one line`)
  }
  return { ...ms === undefined ? undefined : { ms: ms === null ? Infinity : ms }, cause }
}
