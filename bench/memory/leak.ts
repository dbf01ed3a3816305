import { parseArgs } from 'node:util'
import { startBackend } from '../../testing/backend.js'
import { killer } from '../../testing/behaviours.js'
import { Bounds } from '../instruments/bounds.js'
import { type Ask, keepAliveClients, newConnectionClients, Outcomes } from '../instruments/clients.js'
import { startGateway } from '../instruments/gateway.js'
import { listed, printTable, type Row } from '../instruments/table.js'

// Measures the heap, garbage collected, after each tenth of many requests, and fits a line by least squares: a leak is a slope. It takes
// long, so CI does not run it.

const { values } = parseArgs({ options: { requests: { type: 'string', default: '1000000' } } })
const REQUESTS = Number(values.requests)
const POINTS = 10
const WARM_UP = Math.min(20_000, REQUESTS / 10)
const CLIENTS = 20
const MOST_MB_PER_MILLION = 2
const KILLS = 0.002

const backend = await startBackend(killer({ probability: KILLS, seed: 5 }).script)
const gateway = await startGateway({ upstream: backend.url }, ['--expose-gc'])
const outcomes = await mixed(WARM_UP)
const points: Array<{ requests: number, heap: number }> = []
const rows: Row[] = []
for (let n = 1; n <= POINTS; n++) {
  outcomes.add(await mixed(REQUESTS / POINTS))
  const { heapUsed } = await gateway.ask('usage')
  const requests = n * REQUESTS / POINTS
  points.push({ requests, heap: heapUsed })
  rows.push({ requests, 'heap, MB': Math.round(heapUsed / 1e4) / 100, 'resident, MB': Math.round(gateway.residentBytes / 1e5) / 10, files: gateway.openFiles })
  // Progress, since a run may take an hour.
  console.error(`${requests} requests: ${heapUsed} bytes`)
}
const { totals } = await gateway.snapshot()
await gateway.stop()
await backend.close()

const slope = Math.round(slopeOf(points) * 100) / 100
printTable(`the heap after a warm-up of ${WARM_UP}`, rows)
console.log(`\nslope: ${slope} MB per million requests\nclosed: ${listed(totals.closed)}\nretries: ${listed(totals.retries)}\nfailed: ${listed(outcomes.wrong)}`)
const failed = [...outcomes.wrong.keys()].filter((what) => what !== 'POST 502 HOLDFAST_ERR_CONNECTION_LOST')
const bounds = new Bounds()
bounds.hold('no request failed, but POSTs whose connection was killed', failed.length === 0, failed.join(', '))
bounds.hold(`the heap grows by less than ${MOST_MB_PER_MILLION} MB per million requests`, slope < MOST_MB_PER_MILLION, `${slope} MB`)
bounds.report()

/** Mostly keep-alive clients, and some with a new connection for each request. */
async function mixed (requests: number): Promise<Outcomes> {
  const load = { port: gateway.port, clients: CLIENTS, ask }
  const all = new Outcomes()
  for (let sent = 0; sent < requests; sent += 1000) {
    all.add(await keepAliveClients({ ...load, requests: 900 }))
    all.add(await newConnectionClients({ ...load, requests: 100 }))
  }
  return all
}

function ask (n: number): Ask {
  return n % 10 === 0 ? { method: 'POST', body: 'x'.repeat(n % 100 === 0 ? 100_000 : 100) } : {}
}

/** The slope of the line, in MB per million requests, which is the same number as bytes per request. */
function slopeOf (of: Array<{ requests: number, heap: number }>): number {
  const mean = (numbers: number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length
  const x = mean(of.map(({ requests }) => requests))
  const y = mean(of.map(({ heap }) => heap))
  const above = of.reduce((sum, { requests, heap }) => sum + (requests - x) * (heap - y), 0)
  return above / of.reduce((sum, { requests }) => sum + (requests - x) ** 2, 0)
}
