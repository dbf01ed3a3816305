import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import type { EndpointCounts, TargetDetail, TargetList, TargetSummaries } from './api-shapes.js'
import { disclosed } from './disclosure.js'
import { serveEndpoints } from './endpoint-actions.js'
import type { History } from './history.js'
import { keepsAlive } from '../options/target-options.js'
import type { TargetRegistry } from '../target/registry.js'
import type { Target, TargetSnapshot } from '../target/target.js'
import type { EventStreams } from './event-streams.js'
import { Refusal } from './refusal.js'
import { serve } from './serve.js'
import { updateTarget } from './update.js'

/** What the API shows and changes. */
export interface AdminSubject {
  readonly targets: Pick<TargetRegistry, 'get' | typeof Symbol.iterator>
  readonly history: History
  readonly streams: EventStreams
  /** The app's logger, for changes that were made over the API. */
  readonly log: FastifyBaseLogger
}

/** All targets as they are now. */
export function targetList (targets: Iterable<Target>): TargetList {
  return { at: Date.now(), targets: [...targets].map(target => disclosed(target.snapshot())) }
}

/** All targets as they are now, with their endpoints counted. */
export function targetSummaries (targets: Iterable<Target>): TargetSummaries {
  return {
    at: Date.now(),
    targets: [...targets].map(target => {
      const { endpoints, ...snapshot } = disclosed(target.snapshot())
      return { ...snapshot, endpointCounts: counted(endpoints) }
    })
  }
}

function counted (endpoints: TargetSnapshot['endpoints']): EndpointCounts {
  const counts = { joining: 0, up: 0, ejected: 0, leaving: 0, refusing: 0 }
  for (const { state, refusing } of endpoints) {
    if (state !== 'gone') counts[state]++
    if (refusing && (state === 'up' || state === 'joining')) counts.refusing++
  }
  return counts
}

/** Adds the routes of /api. Hooks of the scope have checked the caller before. @param guarded whether by a token */
export function serveApi (scope: FastifyInstance, { targets, history, streams, log }: AdminSubject, guarded: boolean): void {
  serve(scope, '/api/targets', { GET: () => targetList(targets) })
  serve(scope, '/api/events', {
    GET: (request, reply) => {
      if (request.method === 'HEAD') return reply.type('text/event-stream').send()
      streams.add(reply.raw, reply.getHeaders() as Record<string, string>)
      return reply.hijack()
    }
  })
  serve(scope, '/api/targets/:name', {
    GET: (request): TargetDetail => {
      const target = targetOf(request)
      return { at: Date.now(), target: disclosed(target.snapshot()), connections: target.connections(), history: history.of(target.name) }
    }
  })
  serve(scope, '/api/targets/:name/evict', {
    POST: request => {
      const target = targetOf(request)
      const evicted = target.evict()
      log.info({ target: target.name, evicted }, 'idle connections are closed, as asked over the admin API')
      return { evicted }
    }
  })
  serve(scope, '/api/targets/:name/trial', {
    POST: request => {
      const target = targetOf(request)
      if (target.persistence !== 'non-persistent') {
        throw new Refusal(409, 'HOLDFAST_ADMIN_TRIAL', `There is nothing to try: the target is ${target.persistence}`)
      }
      if (!keepsAlive(target.options)) {
        throw new Refusal(409, 'HOLDFAST_ADMIN_TRIAL', 'There is nothing to try: keep-alive is switched off by the target\'s own options')
      }
      target.setPersistence('trial', 'asked for over the admin API')
      return { persistence: target.persistence }
    }
  })
  serve(scope, '/api/targets/:name/update', {
    POST: request => {
      const target = targetOf(request)
      const patch = updateTarget(target, request.body)
      log.info({ target: target.name, patch }, 'settings are changed, as asked over the admin API')
      return { target: disclosed(target.snapshot()) }
    }
  })
  serve(scope, '/api/targets/:name/drain', {
    POST: (request, reply) => {
      const target = targetOf(request)
      log.info({ target: target.name }, 'the target drains, as asked over the admin API')
      target.close(() => log.info({ target: target.name }, 'the target has drained'))
      return reply.code(202).send({ draining: true })
    }
  })
  serveEndpoints(scope, { targetOf, log, guarded })

  function targetOf (request: FastifyRequest): Target {
    const { name } = request.params as { name: string }
    const target = targets.get(name)
    if (target === undefined) throw new Refusal(404, 'HOLDFAST_ERR_UNKNOWN_TARGET', 'There is no target of that name')
    return target
  }
}
