import { setTimeout as wait } from 'node:timers/promises'
import { answer } from '../test/support/answer.js'
import { startBackend } from '../test/support/backend.js'
import { Bounds, quick } from './bounds.js'
import { newConnectionClients } from './clients.js'
import { type Gateway, startGateway } from './gateway.js'
import { listed, printTable, type Row } from './table.js'

// Connections to a backend that have had a response and are kept, idle, while the client who asked is gone: what one of them costs
// the gateway in memory. They come of requests that are all under way at once: the backend answers none before all are there. What V8
// keeps of such a burst in a large new space and half-empty pages is not theirs, and it gives it back in its own time: so the process is
// let settle, before and after, and a flag has it compact where it collects. What is resident right after the burst is shown beside.

const IDLE = quick ? 1000 : 2000
const WARM_UP = 5000
const MOST_BYTES = 12_000
// V8's memory reducer starts 8 s after the last work.
const SETTLED_AFTER = 12_000

const held: Array<() => void> = []
let holding = false
const backend = await startBackend((request, connection) => {
  if (!holding) return answer(request, connection)
  held.push(() => answer(request, connection))
  if (held.length === IDLE) for (const reply of held.splice(0)) reply()
})
const gateway = await startGateway({
  upstream: backend.url,
  proxy: { undiciOptions: { connections: IDLE }, pool: { maxPending: IDLE, pendingTimeout: 60_000, maxDials: 64 } }
}, ['--expose-gc', '--compact-on-every-full-gc'])
await newConnectionClients({ port: gateway.port, requests: WARM_UP, clients: 50 })
const before = await settled(gateway)

holding = true
const outcomes = await newConnectionClients({ port: gateway.port, requests: IDLE, clients: IDLE })
const burst = await memory(gateway)
const after = await settled(gateway)
await gateway.stop()
await backend.close()

const more = after.idle - before.idle
const each = Math.round((after.resident - before.resident) / more)
const onHeap = Math.round((after.heap - before.heap) / more)
printTable('idle connections to a backend', [row('before', before), row('right after the burst', burst), row('settled', after)])
console.log(`\nbytes of memory for an idle connection: ${each}; of the heap: ${onHeap}`)
const bounds = new Bounds()
bounds.hold('each request got its own answer', outcomes.errors === 0, listed(outcomes.wrong))
bounds.hold(`${IDLE} connections stay idle`, after.idle === IDLE, String(after.idle))
bounds.hold(`an idle connection costs <= ${MOST_BYTES / 1000} kB`, Math.max(each, onHeap) <= MOST_BYTES, `${each} bytes, ${onHeap} of the heap`)
bounds.report()

interface Memory { idle: number, resident: number, heap: number }

/** What is in memory when garbage is not. */
async function memory (gateway: Gateway): Promise<Memory> {
  const { heapUsed } = await gateway.ask('usage')
  await wait(500)
  return { idle: (await gateway.snapshot()).connections.idle, resident: gateway.residentBytes, heap: heapUsed }
}

async function settled (gateway: Gateway): Promise<Memory> {
  await memory(gateway)
  await wait(SETTLED_AFTER)
  return await memory(gateway)
}

function row (when: string, { idle, resident, heap }: Memory): Row {
  return { when, connections: idle, 'resident, MB': megabytes(resident), 'heap, MB': megabytes(heap) }
}

function megabytes (bytes: number): number {
  return Math.round(bytes / 1e5) / 10
}
