import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Bounds, quick } from './bounds.js'
import { urlOf } from './child-url.js'
import { compile } from './compiled.js'
import { printTable, type Row } from './table.js'
import type { Left, Order, Phase } from './wire-memory-process.js'

// Whether connections and exchanges leave anything behind: requests, connections that each carry one, and requests that are aborted in each
// phase that they can be in. Code is compiled and lists grow to their size in the first third of each; what is in memory after each third,
// garbage collected and all connections closed, is compared. A leak shows in the second and in the last; what V8 keeps for once, in one of them.

const REQUESTS = quick ? 50_000 : 1_000_000
const CONNECTIONS = quick ? 5_000 : 100_000
const ABORTS = quick ? 3_000 : 10_000
const TIMES: Record<Phase, number> = {
  requests: REQUESTS,
  connections: CONNECTIONS,
  queued: ABORTS,
  dialling: ABORTS,
  'before the head': ABORTS,
  'in the head': ABORTS,
  'in the body': ABORTS,
  paused: ABORTS,
  uploading: ABORTS,
  'held up in an upload': ABORTS
}
const WARM_UP = 1_000
// A leaked object with a closure has more than 150 bytes, and a third of the quick form has 1 000 of them.
const MOST_GROWTH = 120_000
// Prototypes of classes of sockets, and what the last error of a socket still names.
const FEW_SOCKETS = 6
const MOST_EXTERNAL = 2_000_000
const MOST_RESIDENT = 24_000_000

const phases = Object.keys(TIMES) as Phase[]
const entry = compile()
const backend = child('wire-memory-backend', [])
const measured = child('wire-memory-process', [entry, await urlOf(backend, 'the backend')], ['--expose-gc'])
await urlOf(measured, 'the measured process')
measured.once('exit', code => { if (code !== 0) throw new Error(`the measured process ended with ${code}`) })

const bounds = new Bounds()
const rows: Row[] = []
for (const phase of phases) await order({ phase, times: WARM_UP })
const first = await order({ phase: 'requests', times: WARM_UP })
let last = first
for (const phase of phases) {
  const third = Math.ceil(TIMES[phase] / 3)
  const started = performance.now()
  const before = await order({ phase, times: third })
  const between = await order({ phase, times: third })
  const after = await order({ phase, times: third })
  last = after
  const growth = Math.min(between.heap - before.heap, after.heap - between.heap)
  rows.push({
    phase: name(phase),
    times: TIMES[phase],
    seconds: Math.round((performance.now() - started) / 100) / 10,
    'heap, kB more': kilobytes(growth),
    'bytes a time': Math.round(growth / third),
    'heap, MB': Math.round(after.heap / 1e4) / 100,
    'external, kB more': kilobytes(after.external - before.external),
    'resident, MB': Math.round(after.resident / 1e5) / 10,
    sockets: after.sockets
  })
  bounds.hold(`${name(phase)}: the heap grows by <= ${MOST_GROWTH / 1000} kB in a third`, growth <= MOST_GROWTH, `${growth} bytes`)
  bounds.hold(`${name(phase)}: nothing is busy, no socket is kept, no warning`, after.busy === 0 && after.sockets <= FEW_SOCKETS && after.warnings === 0, JSON.stringify(after))
}
backend.disconnect()
measured.disconnect()
printTable('what a third of each leaves: the lesser growth of the second and the last', rows)
bounds.hold(`outside of the heap <= ${MOST_EXTERNAL / 1e6} MB more at the end`, last.external - first.external <= MOST_EXTERNAL, `${last.external - first.external} bytes`)
bounds.hold(`resident <= ${MOST_RESIDENT / 1e6} MB more at the end`, last.resident - first.resident <= MOST_RESIDENT, `${last.resident - first.resident} bytes`)
bounds.report()

async function order (what: Order): Promise<Left> {
  measured.send(what)
  const [left] = await once(measured, 'message') as [Left]
  return left
}

function child (file: string, args: string[], nodeArguments: string[] = []): ChildProcess {
  return fork(join(import.meta.dirname, `${file}.ts`), args, { execArgv: ['--import=tsx', ...nodeArguments] })
}

function name (phase: Phase): string {
  return phase === 'requests' || phase === 'connections' ? phase : `aborts, ${phase}`
}

function kilobytes (bytes: number): number {
  return Math.round(bytes / 100) / 10
}
