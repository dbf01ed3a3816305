import type { ProxyOptions } from '../../src/index.js'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Cause } from './cause.js'
import { LIMIT, STEPS, type Step } from './cell.js'
import type { Run } from './run.js'
import { soon, turns } from './waiting.js'
import { isCell } from './world.js'

const AT_TARGET: readonly Step[] = ['collect', 'queue', 'dial', 'exchange', 'head', 'onResponse', 'body', 'after']
const OF_A_GATEWAY = ['http1', 'pipelined', 'http2', 'inject'] as const
const boom = (): Error => new Error('a hook of the app failed')

function replyOptions (options: Record<string, unknown>): Partial<ProxyOptions> {
  return { replyOptions: options as NonNullable<ProxyOptions['replyOptions']> }
}

/** A hook of the app that fails when the cell has reached its step. */
function failing (name: string, step: 'admit' | 'head', holdsIn: NonNullable<Cause['holdsIn']>): Cause {
  return {
    name,
    steps: [step],
    protocols: OF_A_GATEWAY,
    expects: [500],
    holdsIn,
    strike: ({ world }) => (step === 'admit' ? world.gates.admit : world.gates.head).open(boom())
  }
}

/** Causes by the app's hooks and options, and by its operator. */
export const APP_CAUSES: readonly Cause[] = [
  {
    name: 'totalTimeout',
    steps: AT_TARGET,
    protocols: OF_A_GATEWAY,
    expects: ({ step }) => step === 'after' ? [200] : step === 'body' ? ['cut'] : step === 'head' || step === 'onResponse' ? [500, 502, 504, 'cut'] : [504],
    gateway: () => ({ totalTimeout: LIMIT }),
    strike: async run => {
      if (run.cell.step === 'after') return
      await run.limitPasses()
      // The request in front of the cell's has the same limit.
      if (run.cell.protocol === 'pipelined') await soon(() => run.answered || run.world.busy === 0, 500)
    }
  },
  {
    name: 'queue full',
    steps: ['queue'],
    expects: [503],
    gateway: () => ({ pool: { maxPending: 0 } })
  },
  {
    name: 'queue timeout',
    steps: ['queue'],
    expects: [503],
    gateway: () => ({ pool: { pendingTimeout: LIMIT } }),
    strike: async run => await run.limitPasses()
  },
  {
    name: 'drain',
    steps: STEPS,
    final: true,
    expects: [200, 503, 'cut'],
    strike: async run => {
      run.closing = run.world.gateway.drain()
      await turns()
    }
  },
  {
    name: 'drain past its deadline',
    steps: STEPS,
    final: true,
    silent: true,
    expects: [200, 500, 502, 503, 'cut'],
    strike: async run => {
      run.closing = run.world.gateway.drain()
      await soon(() => run.caller.settled && run.world.sockets.size === 0, LIMIT + 150)
    }
  },
  {
    name: 'target is destroyed',
    steps: AT_TARGET,
    final: true,
    expects: ({ step }) => step === 'after' ? [200] : step === 'body' ? ['cut'] : step === 'head' || step === 'onResponse' ? [500, 502, 503, 'cut'] : [502, 503],
    strike: async ({ world }: Run) => {
      await world.target.destroy()
      await turns()
    }
  },
  failing('onRequest rejects', 'admit', 'onRequest'),
  failing('preParsing rejects', 'admit', 'preParsing'),
  failing('preHandler rejects', 'admit', 'preHandler'),
  failing('onSend rejects', 'head', 'onSend'),
  failing('onSend says an error', 'head', 'onSend with done'),
  {
    name: 'a hook answers',
    steps: ['admit'],
    protocols: OF_A_GATEWAY,
    expects: [401],
    holdsIn: 'preHandler',
    strike: async run => {
      run.world.gates.admit.open()
      await soon(() => run.answered, 500)
    },
    hooks: app => { app.addHook('preHandler', async (request, reply) => isCell(request) ? await reply.code(401).send('no') : undefined) }
  },
  {
    name: 'onResponse option throws',
    steps: ['head'],
    protocols: OF_A_GATEWAY,
    expects: [500],
    route: () => replyOptions({
      onResponse: (request: FastifyRequest, reply: FastifyReply, { stream }: { stream: unknown }) => {
        if (isCell(request)) throw boom()
        reply.send(stream)
      }
    }),
    strike: ({ world }) => world.gates.head.open()
  },
  {
    name: 'onResponse option rejects',
    steps: ['onResponse'],
    protocols: OF_A_GATEWAY,
    expects: [500],
    strike: ({ world }) => world.gates.onResponse.open(boom())
  },
  {
    name: 'onResponse option rejects after it has sent',
    steps: ['body'],
    protocols: OF_A_GATEWAY,
    expects: [200, 'cut'],
    route: () => replyOptions({
      onResponse: async (_request: FastifyRequest, reply: FastifyReply, { stream }: { stream: unknown }) => {
        reply.send(stream)
        throw boom()
      }
    })
  },
  {
    name: 'rewriteHeaders throws',
    steps: ['head'],
    protocols: OF_A_GATEWAY,
    expects: [500],
    route: () => replyOptions({
      rewriteHeaders: (headers: unknown, request?: FastifyRequest) => {
        if (request === undefined || isCell(request)) throw boom()
        return headers
      }
    })
  },
  {
    name: 'rewriteRequestHeaders throws',
    steps: ['admit'],
    protocols: OF_A_GATEWAY,
    expects: [500],
    route: () => replyOptions({
      rewriteRequestHeaders: (request: FastifyRequest, headers: unknown) => {
        if (isCell(request)) throw boom()
        return headers
      }
    })
  },
  {
    name: 'onError option throws',
    steps: ['exchange'],
    protocols: OF_A_GATEWAY,
    expects: [500, 502, 'cut'],
    route: () => replyOptions({ onError: () => { throw boom() } }),
    strike: ({ world: { backend } }) => {
      backend.onArrival = connection => connection.reset()
      backend.connection?.reset()
    }
  },
  {
    name: "an onResponse hook of Fastify's rejects",
    steps: ['after'],
    protocols: OF_A_GATEWAY,
    expects: [200],
    hooks: app => { app.addHook('onResponse', async request => { if (isCell(request)) throw boom() }) }
  }
]
