import { type Cause, streams } from './cause.js'
import { LIMIT, STEPS, type Step } from './cell.js'
import type { Run } from './run.js'
import { soon } from './waiting.js'

const BEFORE_HEAD: readonly Step[] = ['collect', 'queue', 'dial', 'exchange']
// How long to wait until the gateway notices a client's end, in ms. It does not while nothing reads the connection.
const NOTICE = 100

/** Causes by the client. */
export const CLIENT_CAUSES: readonly Cause[] = [
  {
    name: 'client resets',
    steps: STEPS,
    protocols: ['http1', 'pipelined', 'http2', 'target.request'],
    expects: ({ step }) => step === 'after' ? [200] : ['gone'],
    strike: async run => {
      const { sockets, streams } = run.world
      const before = sockets.size + streams.size
      run.caller.reset()
      await soon(() => sockets.size + streams.size < before, NOTICE)
    }
  },
  {
    name: 'client ends its session',
    steps: STEPS,
    protocols: ['http2'],
    expects: ({ step }) => step === 'after' ? [200] : ['gone'],
    strike: async run => {
      run.caller.endSession?.()
      await soon(() => run.world.sessions.size === 0, NOTICE)
    }
  },
  {
    name: 'client ends its session after an early failure',
    steps: ['dial'],
    protocols: ['http2'],
    expects: [502],
    silent: true,
    strike: async run => {
      run.world.backend.server.refuse()
      run.world.gates.dial.open()
      await run.caller.outcome
      run.caller.endSession?.()
    }
  },
  {
    name: 'client half-closes',
    steps: STEPS,
    protocols: ['http1', 'pipelined'],
    // Node ends its side after the client's, unless the app sets `httpAllowHalfOpen`.
    expects: [200, 400, 'cut'],
    strike: async run => {
      run.caller.halfClose?.()
      await soon(() => run.world.sockets.size === 0, NOTICE)
    }
  },
  {
    name: 'clientBodyTimeout',
    steps: BEFORE_HEAD,
    silent: true,
    expects: [408],
    gateway: () => ({ clientBodyTimeout: LIMIT }),
    strike: async run => { await soon(() => run.answered, 2_000) }
  },
  {
    name: 'bodyLimit',
    steps: BEFORE_HEAD,
    expects: ({ step }) => step === 'exchange' ? [413, 'cut'] : [413],
    gateway: cell => ({ bodyLimit: cell.step === 'collect' ? 110 : 10_000 }),
    strike: async run => {
      run.caller.more()
      await soon(() => run.answered, 500)
    }
  },
  {
    name: 'body fails',
    steps: BEFORE_HEAD,
    protocols: ['inject', 'target.request'],
    expects: ['cut', 400, 499, 502],
    silent: true,
    strike: run => run.caller.failBody?.(new Error('the disk is gone'))
  },
  {
    name: 'body is of a file that is not there',
    steps: ['queue', 'dial', 'exchange'],
    protocols: ['target.request'],
    expects: ['cut'],
    noFile: true
  },
  {
    name: "a hook's stream fails",
    steps: BEFORE_HEAD,
    expects: ['cut', 400, 499, 500, 502],
    strike: ({ world }: Run) => { world.hookStream?.destroy(new Error('no gzip')) }
  }
]

/** Whether a part of the body is still to come at the step. */
export function isUploading (cell: Parameters<typeof streams>[0]): boolean {
  return streams(cell) || (cell.step === 'collect' && cell.body !== 'none')
}
