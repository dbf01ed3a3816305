import { rawClient } from '../../testing/client.js'
import { startBackend } from '../../testing/backend.js'
import { killer } from '../../testing/behaviours.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { type Ask, keepAliveClients, newConnectionClients, Outcomes } from '../instruments/clients.js'
import { startGateway } from '../instruments/gateway.js'
import { listed, printTable } from '../instruments/table.js'

// After requests of all kinds a gateway must leave no socket and no larger heap. The heap is first measured after a warm-up with the same
// mix, when code is compiled and caches are filled, and last after `close()`.

const WARM_UP = 5000
const REQUESTS = quick ? 10_000 : 100_000
const CLIENTS = 20
const MOST_GROWTH = 5
// The backend kills one connection in 500 when a request comes on it.
const KILLS = 0.002

const backend = await startBackend(killer({ probability: KILLS, seed: 5 }).script)
const gateway = await startGateway({ upstream: backend.url }, ['--expose-gc'])

const warm = await mixed(WARM_UP)
const before = await gateway.ask('usage')
const outcomes = await mixed(REQUESTS)
const { totals } = await gateway.snapshot()
const opened = await gateway.ask('usage')
await gateway.ask('close')
const after = await gateway.ask('usage')
await gateway.stop()
await backend.close()

const growth = megabytes(after.heapUsed - before.heapUsed)
const sockets = after.resources.filter((kind) => kind.includes('TCP'))
const bounds = new Bounds()
printTable(`${REQUESTS} requests after ${WARM_UP} to warm up; MB`, [
  { when: 'after the warm-up', heap: megabytes(before.heapUsed), resources: resources(before.resources) },
  { when: 'after the load', heap: megabytes(opened.heapUsed), resources: resources(opened.resources) },
  { when: 'after close()', heap: megabytes(after.heapUsed), resources: resources(after.resources) }
])
console.log(`\nclosed: ${listed(totals.closed)}\nretries: ${listed(totals.retries)}\nfailed: ${listed(outcomes.wrong)}`)
const failed = [warm, outcomes].flatMap(({ wrong }) => [...wrong.keys()]).filter((what) => what !== 'POST 502 HOLDFAST_ERR_CONNECTION_LOST')
bounds.hold('no request failed, but POSTs whose connection was killed', failed.length === 0, failed.join(', '))
bounds.hold('no socket is left', sockets.length === 0, sockets.join(', '))
bounds.hold(`the heap is within ${MOST_GROWTH} MB of its start`, growth <= MOST_GROWTH, `${growth} MB more`)
bounds.report()

/** Mostly keep-alive clients; some use a new connection for each request, and some leave before their answer. */
async function mixed (requests: number): Promise<Outcomes> {
  const load = { port: gateway.port, clients: CLIENTS, ask }
  const outcomes = new Outcomes()
  for (let sent = 0; sent < requests; sent += 1000) {
    outcomes.add(await keepAliveClients({ ...load, requests: 880 }))
    outcomes.add(await newConnectionClients({ ...load, requests: 100 }))
    await Promise.all(Array.from({ length: 20 }, leaveEarly))
  }
  return outcomes
}

function ask (n: number): Ask {
  return n % 10 === 0 ? { method: 'POST', body: 'x'.repeat(n % 30 === 0 ? 100_000 : 100) } : {}
}

async function leaveEarly (): Promise<void> {
  const client = await rawClient(gateway.port)
  client.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n')
  client.destroy()
}

function megabytes (bytes: number): number {
  return Math.round(bytes / 1e5) / 10
}

function resources (kinds: string[]): string {
  const counts: Record<string, number> = {}
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1
  return listed(counts)
}
