import type { ConnectionView, GatewayOptions, ResponseView } from '../../src/index.js'
import { Recorder } from '../../src/metrics/recorder.js'
import type { TargetRegistry } from '../../src/target/registry.js'
import { seededRandom } from '../../testing/random.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { cpuPerCall, cpuPerRequest } from '../instruments/cpu-time.js'
import { startGateway } from '../instruments/gateway.js'
import { load, loadedBy } from '../instruments/load.js'
import { startNodeBackend } from '../../testing/node-backend.js'
import { nginxInstalled, startNginx } from '../../testing/real-nginx.js'
import { printTable } from '../instruments/table.js'

// What metrics cost a gateway: nanoseconds of a request's calls, as a share of the CPU time of a request in a gateway process at full load.
// It also prints the CPU time of such a process with and without metrics, where so small a difference may not show.

const ROUNDS = quick ? 7 : 15
const CALLS = quick ? 200_000 : 1_000_000
const LOADS = quick ? 4 : 8
const LOAD_SECONDS = 2
// In per cent.
const MOST = 3
const CONNECTIONS = 64
const TARGET = 'http://users.internal:3000'

const random = seededRandom(7)
const answerMs = Array.from({ length: 4_096 }, () => 1 - 5 * Math.log(1 - random()))
const statuses = answerMs.map(ms => ms < 15 ? 200 : ms < 20 ? 404 : 502)

// With the clock that a gateway uses, since reading it is part of the cost.
const recorder = new Recorder({ get: () => ({}), isDynamic: () => false } as unknown as TargetRegistry)
const views: ConnectionView[] = Array.from({ length: CONNECTIONS }, (_, id) => ({ target: TARGET, endpoint: 'e1', id, served: 7, age: 1_000, trial: false, method: 'GET' }))
for (const view of views) recorder.opened(view, 1)
const responses = statuses.map(status => ({ status, signal: { persistent: true }, asked: 'keep-alive', requestSent: true, clientGone: false, upgraded: false }) as unknown as ResponseView)

const ns = {
  exchange: cpuPerCall(ROUNDS, CALLS, n => {
    const view = views[n % CONNECTIONS]!
    recorder.acquired(view, 3, 0)
    recorder.responded(view, responses[n & 4_095]!)
    recorder.released(view)
  }),
  served: cpuPerCall(ROUNDS, CALLS, n => recorder.served('/users/*', 'GET', statuses[n & 4_095]!, performance.now() % 100)),
  connection: cpuPerCall(ROUNDS, CALLS / 10, n => {
    const view: ConnectionView = { target: TARGET, endpoint: 'e1', id: CONNECTIONS + n, served: 7, age: 1_000, trial: false, method: 'GET' }
    recorder.opened(view, 1)
    recorder.closed(view, 'idle_limit')
  })
}
const backend = nginxInstalled()
  ? await startNginx({ size: 512, keepAliveRequests: 1_000_000_000, logs: false })
  : await startNodeBackend({ size: 512 })
const cpu = await leastUs({ without: {}, with: { metrics: { path: '/metrics' } } })
await backend.stop()

printTable(`metrics; medians of ${ROUNDS} rounds`, [
  { what: 'an exchange: acquired, responded, released', 'ns a request': Math.round(ns.exchange) },
  { what: 'an answer to a client, with its look at the clock', 'ns a request': Math.round(ns.served) },
  { what: 'a connection opened and closed (of a reused one: nothing)', 'ns a request': Math.round(ns.connection) }
])
const nanoseconds = ns.exchange + ns.served + ns.connection / 10
const share = nanoseconds / 10 / cpu.without
printTable(`CPU of a gateway process, the least of ${LOADS} rounds of ${LOAD_SECONDS} s, load by ${loadedBy}`, [
  { what: 'without metrics', 'us a request': cpu.without.toFixed(1) },
  { what: 'with metrics', 'us a request': cpu.with.toFixed(1) }
])
console.log(`\n${Math.round(nanoseconds)} ns a request, one in ten on a connection of its own: ${share.toFixed(2)} %`)
const bounds = new Bounds()
bounds.hold(`metrics take < ${MOST} % of the CPU of a request`, share < MOST, `${share.toFixed(2)} %`)
bounds.report()

/** CPU time in us, in turns. The least of the rounds is the one that other work of the machine disturbed least. */
async function leastUs<Name extends string> (setups: Record<Name, GatewayOptions>): Promise<Record<Name, number>> {
  const names = Object.keys(setups) as Name[]
  const gateways = await Promise.all(names.map(async name => await startGateway({ upstream: backend.url, gateway: { pressure: {}, ...setups[name] } })))
  for (const gateway of gateways) await load(gateway.url, LOAD_SECONDS)
  const rounds = names.map((): number[] => [])
  for (let n = 0; n < LOADS; n++) {
    for (const [i, gateway] of gateways.entries()) rounds[i]!.push((await cpuPerRequest(gateway, LOAD_SECONDS)).both)
  }
  for (const gateway of gateways) await gateway.stop()
  return Object.fromEntries(names.map((name, i) => [name, Math.min(...rounds[i]!)])) as Record<Name, number>
}
