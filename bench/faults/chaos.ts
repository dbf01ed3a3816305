import { parseArgs } from 'node:util'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from '../../testing/client.js'
import { seededRandom } from '../../testing/random.js'
import { Bounds } from '../instruments/bounds.js'
import { ChaosBackend, type Fault, FAULTS } from './chaos-backend.js'
import { chaosBody } from './chaos-body.js'
import { chaosClient } from './chaos-client.js'
import { chaosHttp2Client } from './chaos-http2-client.js'
import { startGateway } from '../instruments/gateway.js'
import { Ledger, type Violation } from '../instruments/ledger.js'
import { listed, printTable } from '../instruments/table.js'

// Backends that fail in every way, one fault every two seconds, and a ledger of each request: what its client sent and got, and what the
// backends did with it. `--seed` determines faults and requests, but not how they race.

const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string', default: '1' }, quick: { type: 'boolean' } } })
const seconds = Number(values.seconds ?? (values.quick === true ? 20 : 60))
const seed = Number(values.seed)

const BACKENDS = 4
const CLIENTS = 40
const HTTP2_CLIENTS = 4
/** How long hooks of the app may take, in ms. */
const HOOKS_TAKE = 15
const FAULT_EVERY = 2000
const FILES_TOLERANCE = 2
const MUST_NOT: Violation[] = ['lost', 'misdelivered', 'duplicated unsafe', 'wrongly retried', 'masked truncations', 'malformed']

const ledger = new Ledger()
const backends = Array.from({ length: BACKENDS }, (_, n) => new ChaosBackend(`b${n}`, ledger, seededRandom(seed * 1000 + n)))
for (const { backend } of backends) await backend.listen()
const [first, ...others] = backends.map(({ name, backend }) => ({ prefix: `/${name}`, upstream: backend.url }))
if (first === undefined) throw new Error('no backend')
const prefixes = [first, ...others].map(({ prefix }) => prefix)
const setup = {
  upstream: first.upstream,
  hooksTake: HOOKS_TAKE,
  // Shorter than a stall, so that requests in it time out.
  proxy: { prefix: first.prefix, undiciOptions: { headersTimeout: 2000, bodyTimeout: 2000 }, inspector: { trialInterval: 1000 } },
  routes: others
}
const gateway = await startGateway(setup)
const http2Gateway = await startGateway({ ...setup, http2: true })

let ids = 0
const nextId = (): string => `s${seed}-${ids++}`
await canaries()
const filesBefore = await settledFiles()

const end = new AbortController()
const clients = Array.from({ length: CLIENTS }, (_, n) => chaosClient({
  port: gateway.port, prefixes, ledger, nextId, random: seededRandom(seed * 100_000 + n), keepAlive: n % 3 !== 0, signal: end.signal
}))
clients.push(...Array.from({ length: HTTP2_CLIENTS }, (_, n) => chaosHttp2Client({
  port: http2Gateway.port, prefixes, ledger, nextId, random: seededRandom(seed * 200_000 + n), signal: end.signal
})))
const faults = await makeFaults()
end.abort()
await Promise.all(clients)
// Faults that last a while.
await Promise.all(faults.map(({ over }) => over))
const right = await canaries()
const snapshots = await gateway.ask('snapshots')
const filesAfter = await settledFiles(filesBefore)
ledger.judge()

printTable(`${seconds} s, seed ${seed}: ${BACKENDS} backends, ${CLIENTS} clients and ${HTTP2_CLIENTS} of HTTP/2`, [...ledger.outcomes].sort(([a], [b]) => a < b ? -1 : 1)
  .map(([outcome, times]) => ({ 'what clients got': outcome, requests: times })))
printTable('backends', snapshots.map(({ name, totals }, n) => ({
  backend: backends[n]?.name ?? name,
  faults: listed(counted(faults.filter(({ on }) => on === backends[n]?.name).map(({ fault }) => fault))),
  opened: backends[n]?.backend.accepted ?? 0,
  retries: listed(totals.retries),
  'closed, by reason': listed(totals.closed)
})))
printTable('ledger', [{
  requests: ledger.requests, 'sent again': ledger.sentAgain, ...Object.fromEntries(MUST_NOT.map((violation) => [violation, ledger.count(violation)])),
  'files before': filesBefore, 'files after': filesAfter
}])
const bounds = new Bounds()
for (const violation of MUST_NOT) bounds.hold(`${violation}: none`, ledger.count(violation) === 0, `${ledger.count(violation)}:\n  ${ledger.examples(violation).join('\n  ')}`)
const malformed = backends.flatMap(({ backend }) => backend.malformed)
bounds.hold('backends got strict HTTP only', malformed.length === 0, malformed[0])
bounds.hold('each backend answers at the end', right === BACKENDS, `${right} of ${BACKENDS}`)
bounds.hold(`open files are back to the start within ${FILES_TOLERANCE}`, Math.abs(filesAfter - filesBefore) <= FILES_TOLERANCE, `${filesAfter} after ${filesBefore}`)
await gateway.stop()
await http2Gateway.stop()
for (const { backend } of backends) await backend.close()
bounds.report()

/** Makes one fault every two seconds, each kind once before any kind comes again. */
async function makeFaults (): Promise<Array<{ fault: Fault, on: string, over: Promise<void> }>> {
  const random = seededRandom(seed)
  const made: Array<{ fault: Fault, on: string, over: Promise<void> }> = []
  let left: Fault[] = []
  for (let until = performance.now() + seconds * 1000; performance.now() + FAULT_EVERY <= until;) {
    await wait(FAULT_EVERY)
    if (left.length === 0) left = [...FAULTS]
    const [fault] = left.splice(Math.floor(random() * left.length), 1)
    const backend = backends[Math.floor(random() * backends.length)]
    if (fault === undefined || backend === undefined) continue
    made.push({ fault, on: backend.name, over: backend.suffer(fault) })
  }
  await wait(FAULT_EVERY)
  return made
}

/** How many backends answer correctly at the end. A fault may still have some responses to spoil. */
async function canaries (): Promise<number> {
  let answering = 0
  for (const prefix of prefixes) {
    for (let attempt = 0; attempt < 40; attempt++) {
      const id = nextId()
      const entry = ledger.sent({ id, method: 'GET', path: prefix, replayable: true })
      const answer = await request(`${gateway.url}${prefix}/`, { headers: { 'X-Id': id } }).catch(() => undefined)
      ledger.settled(entry, `canary ${answer?.status ?? 'cut off'}`)
      if (answer?.body.equals(chaosBody(id).body) !== true) continue
      answering++
      break
    }
  }
  return answering
}

/** The gateways' open files after the backends have closed the idle connections. */
async function settledFiles (like?: number): Promise<number> {
  for (const backend of backends) backend.endAll()
  const deadline = performance.now() + 5000
  let last = -1
  for (;;) {
    await wait(200)
    const now = gateway.openFiles + http2Gateway.openFiles
    if (performance.now() > deadline || (like === undefined ? now === last : Math.abs(now - like) <= FILES_TOLERANCE)) return now
    last = now
  }
}

function counted (names: string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
