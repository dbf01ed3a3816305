import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { startBackend } from '../../testing/backend.js'
import { persistent } from '../../testing/behaviours.js'
import { request } from '../../testing/client.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { newConnectionClients } from '../instruments/clients.js'
import { type Gateway, startGateway } from '../instruments/gateway.js'
import { printTable } from '../instruments/table.js'

// Clients that have had an answer and keep their connection idle: the memory that each costs the gateway, and the latency of a new request
// beside them.

const IDLE = quick ? 2000 : 10_000
const REQUESTS = 1000
const WARM_UP = 5000
const DIALS_AT_ONCE = 50
const MOST_BYTES = 12_000
const MOST_P99 = 50
// Files that a process opens besides the idle connections.
const OTHER_FILES = 500

const needed = IDLE + OTHER_FILES
// Node raises its soft limit to the hard limit by itself, so only the hard limit matters.
const limit = execFileSync('bash', ['-c', 'ulimit -Hn']).toString().trim()
if (limit === 'unlimited' || Number(limit) >= needed) await run()
else if (process.env['LIMIT_RAISED'] === '1' || spawnSync('bash', ['-c', `ulimit -n ${needed}`]).status !== 0) {
  console.log(`skipped: the open-file limit of ${limit} forbids ${IDLE} idle clients, and may not be raised`)
} else {
  const { status } = spawnSync('bash', ['-c', `ulimit -n ${needed} && exec "$0" "$@"`, process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit', env: { ...process.env, LIMIT_RAISED: '1' }
  })
  process.exitCode = status ?? 1
}

async function run (): Promise<void> {
  const backend = await startBackend(persistent())
  const gateway = await startGateway({ upstream: backend.url }, ['--expose-gc'])
  await newConnectionClients({ port: gateway.port, requests: WARM_UP, clients: 50 })
  const alone = await latencies(gateway)
  const before = await resident(gateway)
  const filesBefore = gateway.openFiles

  const idle: Socket[] = []
  for (let n = 0; n < IDLE; n += DIALS_AT_ONCE) {
    idle.push(...await Promise.all(Array.from({ length: Math.min(DIALS_AT_ONCE, IDLE - n) }, () => idleClient(gateway.port))))
  }
  const held = gateway.openFiles - filesBefore
  const after = await resident(gateway)
  const beside = await latencies(gateway)
  const stayed = idle.filter(({ destroyed, readableEnded }) => !destroyed && !readableEnded).length
  for (const socket of idle) socket.destroy()
  await gateway.stop()
  await backend.close()

  const each = Math.round((after - before) / IDLE)
  printTable(`${IDLE} idle clients`, [
    { when: 'before', 'resident, MB': megabytes(before), 'request, median ms': quantile(alone, 0.5), 'p99 ms': quantile(alone, 0.99), 'most ms': quantile(alone, 1) },
    { when: 'beside them', 'resident, MB': megabytes(after), 'request, median ms': quantile(beside, 0.5), 'p99 ms': quantile(beside, 0.99), 'most ms': quantile(beside, 1) }
  ])
  console.log(`\nbytes of memory for an idle client: ${each}`)
  const bounds = new Bounds()
  bounds.hold('all idle clients stay connected', stayed === IDLE && held >= IDLE, `${stayed} do, and the gateway has ${held} files more`)
  bounds.hold(`an idle client costs less than ${MOST_BYTES / 1000} kB`, each < MOST_BYTES, `${each} bytes`)
  bounds.hold(`p99 of a new request beside them is below ${MOST_P99} ms`, quantile(beside, 0.99) < MOST_P99, `${quantile(beside, 0.99)} ms`)
  bounds.report()
}

/** A client that has had one answer. It keeps little in memory, since this process holds all of them. */
async function idleClient (port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.write('GET / HTTP/1.1\r\nHost: bench\r\nX-Id: idle\r\n\r\n')
  await once(socket, 'data')
  socket.on('error', () => {}).resume()
  return socket
}

/** Memory in use after a garbage collection. */
async function resident (gateway: Gateway): Promise<number> {
  await gateway.ask('usage')
  await wait(500)
  return gateway.residentBytes
}

/** Latencies of requests, one after another on new connections; sorted, in ms. */
async function latencies (gateway: Gateway): Promise<number[]> {
  const took: number[] = []
  for (let n = 0; n < REQUESTS; n++) {
    const began = performance.now()
    await request(gateway.url)
    took.push(performance.now() - began)
  }
  return took.sort((a, b) => a - b)
}

function quantile (sorted: number[], q: number): number {
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Infinity) * 10) / 10
}

function megabytes (bytes: number): number {
  return Math.round(bytes / 1e5) / 10
}
