import { writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '../../testing/random.js'
import { reset } from '../../testing/reset.js'
import { ANSWERS, type Behaviour, type FleetSetup, type HostCounts, type Order } from './fleet-orders.js'

// The child process: a node:http server for each of its addresses, which behave as they are told. Its setup is its one argument.

const { hosts, port, seed = 1, backlog, announces = false, keepAliveMs } = JSON.parse(process.argv[2] ?? '{}') as FleetSetup
const random = seededRandom(seed)

interface Host { readonly name: string, readonly server: Server, behaviour: Behaviour, readonly counts: HostCounts, fin: boolean }

const fleet = hosts.map(hostOf)
let stopping = false
await Promise.all(fleet.map(async ({ name, server }) => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: name, port, ...backlog !== undefined && { backlog } }, resolve)
  })
}))

process.on('message', (order: Order) => {
  for (const host of fleet) {
    if (order.hosts !== undefined && !order.hosts.includes(host.name)) continue
    if (order.behaviour !== undefined) host.behaviour = { ...host.behaviour, ...order.behaviour }
  }
  process.send?.({ id: order.id, counts: Object.fromEntries(fleet.map(({ name, counts }) => [name, counts])) })
})
// As most Node servers stop: no new connections, an end for the idle ones, and an exit when the last request is answered.
process.once('SIGTERM', () => {
  stopping = true
  let open = fleet.length
  for (const { server } of fleet) server.close(() => { if (--open === 0) process.exit() })
})
process.once('disconnect', () => process.exit())
process.send?.({ url: `http://${hosts[0]}:${port}` })

function hostOf (name: string): Host {
  const host: Host = {
    name,
    server: createServer((request, response) => { answer(host, request, response).catch(() => response.destroy()) }),
    behaviour: ANSWERS,
    counts: { connections: 0, requests: 0, resets: 0, raced: 0, busyMs: 0, mostInFlight: 0, inFlight: 0 },
    fin: false
  }
  if (keepAliveMs !== undefined) host.server.keepAliveTimeout = keepAliveMs
  host.server.on('connection', () => { host.counts.connections++ })
  return host
}

const served = new WeakMap<object, number>()

async function answer (host: Host, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { behaviour, counts, name } = host
  const { socket } = request
  const nth = (served.get(socket) ?? 0) + 1
  served.set(socket, nth)
  if (behaviour.resets) {
    counts.resets++
    return reset(socket)
  }
  // As if the idle connection had been closed just before: this server has not taken the request.
  if (nth > 1 && random() < behaviour.races) {
    counts.raced++
    host.fin = !host.fin
    if (host.fin) socket.destroy()
    else reset(socket)
    return
  }
  const id = String(request.headers['x-id'] ?? '')
  // Written at once, so that what a killed process has executed is known.
  if (request.method === 'POST') writeSync(3, `${id} ${name}\n`)
  counts.requests++
  counts.inFlight++
  counts.mostInFlight = Math.max(counts.mostInFlight, counts.inFlight)
  const began = performance.now()
  const [least, most] = behaviour.takes
  await wait(least + random() * (most - least))
  counts.busyMs += performance.now() - began
  counts.inFlight--
  const { status, retryAfter } = behaviour
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-by': name,
    ...retryAfter !== undefined && { 'retry-after': String(retryAfter) },
    ...stopping && announces && { connection: 'close' }
  })
  response.end(JSON.stringify({ id }))
}
