import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Bounds, quick } from '../instruments/bounds.js'
import { urlOf } from '../../testing/child-server.js'
import { compile } from '../instruments/compiled.js'
import { median } from '../instruments/cpu-time.js'
import { printTable, type Row } from '../instruments/table.js'
import type { Left, Order, Phase } from './memory-process.js'

// Finds out whether connections and exchanges leave anything in memory: requests, connections that each carry one, and requests that are
// aborted in each of their phases. Each runs in six parts; in the first, code is compiled and lists grow to their size. The memory after
// each part is compared, with garbage collected and all connections closed. V8 sometimes keeps or drops some hundred kilobytes in a part,
// so the median part counts: a leak grows in all of them.

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, phases: { type: 'string' } } })
const REQUESTS = quick ? 50_000 : 1_000_000
const CONNECTIONS = quick ? 5_000 : 100_000
const ABORTS = quick ? 4_800 : 10_000
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
const PARTS = 6
// A leaked object with a closure has more than 150 bytes, and a part of the quick form would leak 800 of them.
const MOST_GROWTH = 80_000
// Prototypes of socket classes, and sockets that a last error still refers to.
const FEW_SOCKETS = 6
const MOST_EXTERNAL = 2_000_000
const MOST_RESIDENT = 24_000_000

const phases = (Object.keys(TIMES) as Phase[]).filter((phase) => values.phases === undefined || values.phases.split(',').includes(phase))
const entry = compile()
const backend = child('memory-backend', [])
const measured = child('memory-process', [entry, await urlOf(backend, 'the backend')], ['--expose-gc'])
await urlOf(measured, 'the measured process')
measured.once('exit', code => { if (code !== 0) throw new Error(`the measured process ended with ${code}`) })

const bounds = new Bounds()
const rows: Row[] = []
for (const phase of phases) await order({ phase, times: WARM_UP })
const first = await order({ phase: 'requests', times: WARM_UP })
let last = first
for (const phase of phases) {
  const part = Math.ceil(TIMES[phase] / PARTS)
  const started = performance.now()
  const lefts: Left[] = []
  for (let n = 0; n < PARTS; n++) lefts.push(await order({ phase, times: part }))
  const after = last = lefts.at(-1)!
  const growths = lefts.slice(1).map(({ heap }, n) => heap - lefts[n]!.heap)
  const growth = median(growths)
  rows.push({
    phase: name(phase),
    times: TIMES[phase],
    seconds: Math.round((performance.now() - started) / 100) / 10,
    'heap, kB more': kilobytes(growth),
    'bytes a time': Math.round(growth / part),
    'by parts': growths.map(kilobytes).join(' '),
    'heap, MB': Math.round(after.heap / 1e4) / 100,
    'external, kB more': kilobytes(after.external - lefts[0]!.external),
    'resident, MB': Math.round(after.resident / 1e5) / 10,
    sockets: after.sockets
  })
  bounds.hold(`${name(phase)}: the heap grows by <= ${MOST_GROWTH / 1000} kB in the median part`, growth <= MOST_GROWTH, `${growth} bytes`)
  bounds.hold(`${name(phase)}: nothing is busy, no socket is kept, no warning`, after.busy === 0 && after.sockets <= FEW_SOCKETS && after.warnings === 0, JSON.stringify(after))
}
backend.disconnect()
measured.disconnect()
printTable(`what the median of ${PARTS - 1} parts leaves`, rows)
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
