import { requestsOf } from '../../src/admin/history-sampling.js'
import { History } from '../../src/admin/history.js'
import type { ConnectionView, Provenance } from '../../src/index.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import { TargetRegistry } from '../../src/target/registry.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { cpuPerCall } from '../instruments/cpu-time.js'
import { printTable } from '../instruments/table.js'

// What the admin surface costs a gateway without readers: CPU time of each event that its history counts. A request that succeeds on a
// reused connection is no such event: the history reads its target's counter once a second.

const ROUNDS = quick ? 5 : 15
const CALLS = quick ? 200_000 : 1_000_000
const TARGETS = 100
// In ns. At worst a request opens, closes and fails once.
const MOST = 1_000

const connection: ConnectionView = { target: 'http://127.0.0.1:3000', id: 1, served: 1, age: 1, trial: false }
const provenance: Provenance = { target: connection.target, connection: 1, reused: false, nth: 1, idleMs: 0, waitMs: 0, attempts: 1, retries: [], persistence: 'persistent' }
const history = new History(Date.now)
const targets = new TargetRegistry({ maxDynamicTargets: 1, onObserverError: error => { throw error } })
for (let n = 0; n < TARGETS; n++) targets.declare({ origin: new URL(`http://backend-${n}`), options: resolveTargetOptions({}, {}), prefix: '/' })

const events = [
  { what: 'a connection opens', 'ns CPU': nsOf(CALLS, () => history.opened(connection)) },
  { what: 'a connection closes', 'ns CPU': nsOf(CALLS, () => history.closed(connection, 'backend_idle', 5_000)) },
  { what: 'a request fails', 'ns CPU': nsOf(CALLS, () => history.rejected(connection.target, 'HOLDFAST_ERR_CONNECT', provenance)) }
]
const sample = nsOf(CALLS / 1_000, () => history.sample(requestsOf(targets)))
printTable(`the admin surface's history; medians of ${ROUNDS} rounds`, [...events, { what: 'each second, a target', 'ns CPU': Math.round(sample / TARGETS) }])
const bounds = new Bounds()
for (const { what, 'ns CPU': ns } of events) bounds.hold(`${what}: < ${MOST} ns`, ns < MOST, `${ns} ns`)
bounds.report()

function nsOf (calls: number, call: () => void): number {
  return Math.round(cpuPerCall(ROUNDS, calls, call))
}
