import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { RIGHT_BEHIND } from '../../src/target/after-response.js'
import { program } from '../../testing/program.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { urlOf } from '../../testing/child-server.js'
import { median } from '../instruments/cpu-time.js'
import type { LoadOrder, LoadResult, Stamps } from './pending-fin-process.js'
import { idleAtAcquire } from './pending-fin-idle.js'
import { Trials, TURNS } from './pending-fin-trials.js'
import { printTable, type Row } from '../instruments/table.js'

// A backend may close an idle connection while this process is busy: then the FIN lies in the kernel, unread. This measures after how many
// turns of the event loop it is seen, what the turns cost, and how long a connection has been idle when a request takes it. From these
// follows the idle time from which a request waits for two turns before it is written.

interface Loop {
  readonly name: string
  readonly clients: number
  /** Requests a second; 0 for back to back. */
  readonly rate: number
  /** How long other work blocks the event loop, in each 200 ms. */
  readonly stallMs?: number
  /** So many that each gets its request at about the time when its backend closes it. */
  readonly connections: number
}

/** CPU time of each request, in us: about what a request costs a gateway. */
const WORK = 60
const IDLE_MS = 100
const SPREAD_MS = 12
const TRIAL_MS = quick ? 3_000 : 10_000
const COST_MS = quick ? 400 : 1_000
const COST_ROUNDS = quick ? 3 : 7
const LOOPS: readonly Loop[] = [
  { name: 'light: 500 requests/s', clients: 32, rate: 500, connections: 25 },
  { name: 'stalls: 500/s, and 20 ms in each 200 ms', clients: 32, rate: 500, stallMs: 20, connections: 25 },
  { name: 'heavy: 64 clients, back to back', clients: 64, rate: 0, connections: 150 }
]

const bounds = new Bounds()
const load = child('load')
const detection: Row[] = []
const costs: Row[] = []
for (const loop of LOOPS) detection.push(await detect(loop))
for (const loop of LOOPS) costs.push(...await cost(loop))
load.disconnect()
printTable(`acquires within ${SPREAD_MS} ms of the backend's close, by where its FIN was; seen before it was written to, with so many turns`, detection)
printTable('what the turns cost, as medians of rounds in turns', costs)
const { rows, watchFrom } = idleAtAcquire()
printTable('how long a connection has been idle when a request takes the most recently used one: share of acquires, by requests/s and response time', rows)
console.log(`\nwait for two turns on connections that have been idle for ${watchFrom} ms or more: of a target with 500 requests/s or more, at most one request in twenty does`)
bounds.hold(`this is no longer than the shortest idle close that is learned, ${RIGHT_BEHIND} ms`, watchFrom <= RIGHT_BEHIND, `${watchFrom} ms`)
bounds.report()

async function detect (loop: Loop): Promise<Row> {
  const backend = child('backend', String(IDLE_MS))
  const trials = new Trials(Number(new URL(await urlOf(backend, 'the backend')).port), IDLE_MS, SPREAD_MS)
  trials.open(loop.connections)
  await busy(loop, TRIAL_MS, (answer) => {
    trials.acquire()
    answer()
  })
  trials.stop()
  const answered = once(backend, 'message')
  backend.send('stamps')
  const closes = new Map((await answered as [Stamps])[0].map(([id, before, after]) => [id, { before, after }]))
  backend.disconnect()
  const known = trials.done.filter(({ seenAfter }) => seenAfter === 0)
  // Certainly closed before the acquire, and not known yet.
  const pending = trials.done.filter(({ id, at, seenAfter }) => seenAfter > 0 && (closes.get(id)?.after ?? Infinity) <= at)
  const later = trials.done.filter(({ id, at, seenAfter }) => seenAfter > 0 && (closes.get(id)?.before ?? Infinity) > at)
  const two = pending.filter(({ seenAfter }) => seenAfter <= 2).length
  bounds.hold(`${loop.name}: two turns see each FIN that lay in the kernel`, pending.length === two, `${two} of ${pending.length}`)
  return {
    loop: loop.name,
    'known here': known.length,
    'in the kernel': pending.length,
    ...Object.fromEntries(TURNS.slice(1).map(turns => [`seen with ${turns}`, pending.filter(({ seenAfter }) => seenAfter <= turns).length])),
    'open still': later.length,
    'of these seen with 2': later.filter(({ seenAfter }) => seenAfter <= 2).length
  }
}

async function cost (loop: Loop): Promise<Row[]> {
  const choices = [0, 1, 2]
  const rounds = choices.map((): Array<LoadResult & { cpu: number }> => [])
  for (let n = 0; n < COST_ROUNDS; n++) {
    for (const turns of choices) {
      const before = process.cpuUsage()
      const result = await busy(loop, COST_MS, answer => after(turns, answer))
      const { user, system } = process.cpuUsage(before)
      rounds[turns]!.push({ ...result, cpu: (user + system) / result.answers })
    }
  }
  const of = (turns: number, figure: 'cpu' | 'p50' | 'p99' | 'answers'): number => Math.round(median(rounds[turns]!.map(round => round[figure])) * 10) / 10
  const more = (turns: number): number => Math.round(median(rounds[turns]!.map(({ cpu }, n) => cpu - rounds[0]![n]!.cpu)) * 10) / 10
  return choices.map(turns => ({
    loop: loop.name,
    turns,
    'CPU, us': of(turns, 'cpu'),
    'more than with none': more(turns),
    'p50, us': of(turns, 'p50'),
    'p99, us': of(turns, 'p99'),
    'requests/s': Math.round(of(turns, 'answers') / COST_MS * 1000)
  }))
}

function after (turns: number, call: () => void): void {
  if (turns === 0) call()
  else setImmediate(() => after(turns - 1, call))
}

/** A server under load: each request takes its CPU time, then `serve` answers it. */
async function busy ({ clients, rate, stallMs }: Loop, ms: number, serve: (answer: () => void) => void): Promise<LoadResult> {
  const server = createServer({ noDelay: true }, socket => {
    socket.on('error', () => {})
    socket.on('data', () => {
      spin(WORK)
      serve(() => socket.write('.'))
    })
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const stalls = stallMs === undefined ? undefined : setInterval(() => spin(stallMs * 1000), 200)
  const done = once(load, 'message')
  load.send({ port: (server.address() as AddressInfo).port, clients, rate, ms } satisfies LoadOrder)
  const [result] = await done as [LoadResult]
  clearInterval(stalls)
  server.close()
  await wait(20)
  return result
}

function spin (us: number): void {
  for (const until = performance.now() + us / 1000; performance.now() < until;);
}

function child (...args: string[]): ChildProcess {
  return spawn(process.execPath, [...program(join(import.meta.dirname, 'pending-fin-process')), ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}
