import type { ProxyOptions } from '../../src/index.js'
import { ESTIMATOR } from '../../src/target/idle-limit.js'
import { seededRandom } from '../../testing/random.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { cpuPerCall, cpuPerRequest, median } from '../instruments/cpu-time.js'
import { startGateway } from '../instruments/gateway.js'
import { Learner } from './simulation-learner.js'
import { MODELS, scenarios } from './simulation-models.js'
import { simulate } from './simulation.js'
import { load, loadedBy } from '../instruments/load.js'
import { startNodeBackend } from '../../testing/node-backend.js'
import { nginxInstalled, startNginx } from '../../testing/real-nginx.js'
import { printTable } from '../instruments/table.js'

// What learning idle limits costs a gateway: nanoseconds a call, times calls a request, as a share of the CPU time of a request in a
// gateway process at full load.

const ROUNDS = quick ? 7 : 15
const CALLS = quick ? 200_000 : 1_000_000
const LOADS = quick ? 3 : 5
const LOAD_SECONDS = 2
// In per cent.
const MOST = 1
// Far more closes than a busy gateway sees.
const REQUESTS_A_CLOSE = 10

const random = seededRandom(5)
const answerMs = Array.from({ length: 4_096 }, () => 1 - 5 * Math.log(1 - random()))
const idleMs = answerMs.map(() => -500 * Math.log(1 - random()))
const closedMs = answerMs.map(() => 2_000 + 8 * random())

let now = 0
const learner = new Learner(ESTIMATOR, undefined, { get now () { return now }, timer () {} }, () => {})
// Fills the learner's window.
for (let n = 0; n < 2 * ESTIMATOR.window; n++) closed(n)

const ns = {
  exchange: cpuPerCall(ROUNDS, CALLS, n => learner.exchanged(answerMs[n & 4_095]!, idleMs[n & 4_095]!)),
  close: cpuPerCall(ROUNDS, CALLS / 10, closed),
  sentinel: cpuPerCall(ROUNDS, CALLS / 10, () => clearTimeout(setTimeout(() => {}, 3_000).unref()))
}
const backend = nginxInstalled()
  ? await startNginx({ size: 512, keepAliveRequests: 1_000_000_000, logs: false })
  : await startNodeBackend({ size: 512 })
const reusedUs = await requestUs({})
const dialledUs = await requestUs({ undiciOptions: { keepAliveTimeout: 0 } })
await backend.stop()

// The traffic that meets most closes: its mean gap is the backend's timeout. A request that gets no idle connection pays for a dial.
const [, straddling] = scenarios(MODELS.find(({ name }) => name === '2 s')!, 4_000)
const found = simulate(straddling!)
const closesAtMost = found.closes / straddling!.requests
const reused = found.reused / found.requests
printTable(`learning; medians of ${ROUNDS} rounds`, [
  { what: 'an exchange: its time, how long the connection had been idle', 'ns a call': Math.round(ns.exchange) },
  { what: 'an idle close: what it says, both limits anew', 'ns a call': Math.round(ns.close) },
  { what: 'a sentinel: its timer', 'ns a call': Math.round(ns.sentinel) }
])
const shares = [
  share('no idle close', 0, reusedUs),
  share(`one every ${REQUESTS_A_CLOSE} requests`, 1 / REQUESTS_A_CLOSE, reusedUs),
  share(`${closesAtMost.toFixed(2)} a request: gaps about the timeout, ${Math.round(100 * reused)} % reused`, closesAtMost, reused * reusedUs + (1 - reused) * dialledUs)
]
printTable(`CPU of a gateway process, ${LOADS} rounds of ${LOAD_SECONDS} s, load by ${loadedBy}; a request with a dial takes ${dialledUs.toFixed(0)} us`, shares)
const bounds = new Bounds()
for (const { 'idle closes': closes, share } of shares) bounds.hold(`learning takes < ${MOST} % of the CPU of a request, idle closes: ${closes}`, parseFloat(share) < MOST, share)
bounds.report()

function closed (n: number): void {
  now += 1_000
  learner.closed(closedMs[n & 4_095]!, true)
}

function share (closes: string, closesPerRequest: number, us: number): { 'idle closes': string, 'ns of learning a request': number, 'us a request': string, share: string } {
  const nanoseconds = ns.exchange + closesPerRequest * (ns.close + ns.sentinel)
  return { 'idle closes': closes, 'ns of learning a request': Math.round(nanoseconds), 'us a request': us.toFixed(1), share: `${(nanoseconds / 10 / us).toFixed(2)} %` }
}

async function requestUs (proxy: ProxyOptions): Promise<number> {
  const gateway = await startGateway({ upstream: backend.url, gateway: { pressure: {} }, proxy })
  await load(gateway.url, LOAD_SECONDS)
  const rounds: number[] = []
  for (let n = 0; n < LOADS; n++) rounds.push((await cpuPerRequest(gateway, LOAD_SECONDS)).both)
  await gateway.stop()
  return median(rounds)
}
