import { type Cause, streams } from './cause.js'
import { LIMIT, type Step } from './cell.js'
import type { Run } from './run.js'
import { soon } from './waiting.js'

const LOSSES: readonly Step[] = ['queue', 'exchange', 'head', 'onResponse', 'body', 'after']
// If a hook holds the head when the backend is lost, the app may still answer, since nothing has been sent.
const HEAD_LOST = [500, 502, 504, 'cut'] as const

const lossExpects: Cause['expects'] = ({ step }) => step === 'exchange' ? [502] : step === 'body' ? ['cut'] : step === 'head' || step === 'onResponse' ? HEAD_LOST : [200]
const stallExpects: Cause['expects'] = ({ step }) => step === 'exchange' ? [504] : step === 'body' ? ['cut'] : HEAD_LOST

/** Causes by the backend, from an answer to invalid HTTP. */
export const BACKEND_CAUSES: readonly Cause[] = [
  {
    name: 'answer',
    steps: ['admit', 'collect', 'queue', 'dial', 'exchange', 'head', 'onResponse', 'body', 'after'],
    expects: [200]
  },
  {
    name: 'early answer, and the upload goes on',
    steps: ['exchange'],
    expects: [413],
    strike: async run => await answerEarly(run)
  },
  {
    name: 'early answer, and the client waits',
    steps: ['exchange'],
    expects: [413],
    silent: true,
    strike: async run => await answerEarly(run)
  },
  {
    name: 'backend refuses',
    steps: ['queue', 'dial'],
    expects: [502],
    strike: refuse
  },
  {
    name: 'backend refuses, and the client waits',
    steps: ['queue', 'dial'],
    expects: [502],
    silent: true,
    strike: refuse
  },
  {
    name: 'backend resets',
    steps: LOSSES,
    expects: lossExpects,
    strike: async run => await lose(run, connection => connection.reset())
  },
  {
    name: 'backend ends',
    steps: LOSSES,
    expects: lossExpects,
    strike: async run => await lose(run, connection => connection.end())
  },
  {
    name: 'backend resets what it accepts',
    steps: ['dial'],
    expects: [502],
    strike: ({ world }) => { world.backend.onArrival = connection => connection.reset() }
  },
  {
    name: 'backend sends no HTTP',
    steps: ['exchange', 'body'],
    chunked: true,
    expects: ({ step }) => step === 'exchange' ? [502] : ['cut'],
    strike: async run => await lose(run, connection => connection.write('no chunk, and no HTTP\r\n\r\n'))
  },
  {
    // Node's HTTP/2 throws when the head is written, after all code that could catch it.
    name: 'backend repeats a header',
    steps: ['exchange', 'head', 'onResponse', 'body'],
    expects: [200],
    says: 'ETag: "a"\r\nETag: "b"\r\n'
  },
  {
    name: 'backend sends a response that is too large',
    steps: ['body'],
    // A response that declares its length is refused at its head.
    chunked: true,
    expects: [502, 'cut'],
    gateway: () => ({ undiciOptions: { maxResponseSize: 2_000 } })
  },
  {
    name: 'headersTimeout',
    steps: ['exchange'],
    whole: true,
    expects: stallExpects,
    gateway: () => ({ undiciOptions: { headersTimeout: LIMIT } }),
    strike: async run => await run.limitPasses()
  },
  {
    name: 'bodyTimeout',
    steps: ['head', 'onResponse', 'body'],
    whole: true,
    expects: stallExpects,
    gateway: () => ({ undiciOptions: { bodyTimeout: LIMIT } }),
    strike: async run => await run.limitPasses()
  }
]

/** Nothing is written after it, and the rest of the upload is not read. */
async function answerEarly ({ world }: Run): Promise<void> {
  await world.backend.sendInstead('HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge')
}

async function refuse ({ world, cell }: Run): Promise<void> {
  world.backend.server.refuse()
  // The request that holds the only connection ends with it, so that another connection is dialled.
  if (cell.step === 'queue') for (const connection of world.backend.server.connections) connection.reset()
  else world.gates.dial.open()
}

/** The connection of the cell's request; while it waits in the queue, that of the request before it; at rest, every open connection. */
async function lose (run: Run, how: Parameters<Array<NonNullable<Run['world']['backend']['connection']>>['forEach']>[0]): Promise<void> {
  const { world: { backend, target }, cell } = run
  const { connections } = backend.server
  // The cause also strikes a request that is sent again.
  if (cell.step === 'exchange') backend.onArrival = connection => how(connection, 0, [])
  connections.filter(({ socket }) => !socket.destroyed).forEach(how)
  const before = target.snapshot().connections.active
  await soon(() => run.caller.settled || target.snapshot().connections.active < before, streams(cell) ? 200 : 100)
}
