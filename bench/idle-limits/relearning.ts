import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Bounds, quick } from '../instruments/bounds.js'
import { idleCloses, staleHits } from '../../testing/delay-relay.js'
import { machineTime } from '../../testing/delay-relay-line.js'
import { startDelayRelays } from './delay-relays.js'
import { startHoldfast } from './learning-gateways.js'
import { patientClients, poissonTraffic, type Sent } from './learning-traffic.js'
import { printTable, type Row } from '../instruments/table.js'

// Backends whose idle timeout moves up and down while they run, unannounced. A change holds for connections that become idle after it.

const DELAY = 20
const SHORT = quick ? 1000 : 2000
const LONG = quick ? 6000 : 30_000
const PHASES = [
  { name: 'at first', timeout: SHORT, ms: 10 * SHORT },
  { name: 'up', timeout: LONG, ms: 2 * LONG + 5 * SHORT },
  { name: 'down', timeout: SHORT, ms: 10 * SHORT }
]
const TARGETS = 24
// Time between the starts of targets, so that their changes do not come at once; in ms.
const APART = 100
const CLIENTS = 3
const GAP = SHORT * 2
const LEAST = 0.75
const POLL = 50

/** What happened at one target under one timeout. */
interface Life { index: number, timeout: number, began: number, ended: number, sent: Sent[] }
interface LimitAt { at: number, effective: number }

const bounds = new Bounds()
const relays = await startDelayRelays({ delay: DELAY, backends: Array.from({ length: TARGETS }, () => ({ idleTimeout: SHORT })) })
const gateway = await startHoldfast(relays.urls)
const agent = patientClients()
const ended = new AbortController()
const watching = watchLimits()
const lives = await Promise.all(relays.urls.map(async (_url, index) => await live(index)))
ended.abort()
const limits = await watching
const records = await relays.records()
agent.destroy()
await gateway.stop()
await relays.stop()

printTable(`an idle timeout that moves; ${TARGETS} targets, ${CLIENTS} clients each, ${DELAY} ms one way; times in ms`, PHASES.map(judge))
bounds.report()

async function live (index: number): Promise<Life[]> {
  const phases: Life[] = []
  await wait(index * APART)
  for (const [nth, { timeout, ms }] of PHASES.entries()) {
    const began = machineTime()
    await relays.setIdleTimeout(index, timeout)
    const signal = AbortSignal.timeout(ms)
    setMaxListeners(0, signal)
    const clients = Array.from({ length: CLIENTS }, async (_one, client) => await poissonTraffic({
      url: `${gateway.url}/${index}/`,
      name: `${index}-${nth}-${client}`,
      meanGap: GAP,
      seed: (nth * TARGETS + index) * CLIENTS + client,
      // After a change all clients send at once, so that there are more connections than the next requests need. A backend shows its
      // timeout only on a connection that is idle for so long.
      atOnce: nth > 0
    }, agent, signal))
    phases.push({ index, timeout, began, sent: (await Promise.all(clients)).flat(), ended: machineTime() })
  }
  return phases
}

function judge ({ name, timeout }: typeof PHASES[number], nth: number): Row {
  const title = `${name}, ${timeout / 1000} s`
  const phase = lives.map((phases) => phases[nth]!)
  const sent = phase.flatMap(({ sent }) => sent)
  const sinceMove = inOrder(phase.map((life) => rightAt(life) - life.began))
  const sinceClose = inOrder(phase.map((life) => rightAt(life) - firstClose(life)))
  const lost = phase.flatMap(lostPosts)
  const failedGets = sent.filter(({ method, outcome }) => method === 'GET' && outcome !== 'right').length
  const most = sinceMove.at(-1) ?? NaN
  if (nth > 0) {
    const late = phase.filter((life) => rightAt(life) - life.began > 2 * timeout)
    bounds.hold(`${title}: the limit is ${LEAST} to 1 of it ${2 * timeout} ms after the move`, late.length === 0, `after ${most.toFixed(0)} ms; ${late.length} of ${TARGETS} targets were late`)
    bounds.hold(`${title}: no POST lost that was sent after its first close was known`, lost.every((after) => after <= 0), `${lost.map((after) => after.toFixed(0)).join(', ')} ms after`)
    bounds.hold(`${title}: no GET failed`, failedGets === 0, String(failedGets))
    late.forEach(explain)
  }
  return {
    timeout: title,
    requests: sent.length,
    'limit right after': `${sinceMove[0]?.toFixed(0)} to ${most.toFixed(0)}`,
    median: (sinceMove[sinceMove.length >> 1] ?? NaN).toFixed(0),
    'after its first close': `${sinceClose[0]?.toFixed(0)} to ${sinceClose.at(-1)?.toFixed(0)}`,
    'stale hits': phase.reduce((sum, { index, began, ended }) => sum + staleHits(records[index]!).filter(({ at }) => at >= began && at < ended).length, 0),
    'GETs failed': failedGets,
    'POSTs lost': lost.length,
    'of them known': lost.filter((after) => after > 0).length
  }
}

/** When the limit became right and stayed right. */
function rightAt ({ index, timeout, began, ended }: Life): number {
  const seen = limits[index]!.filter(({ at }) => at >= began && at < ended)
  const lastWrong = seen.findLastIndex(({ effective }) => effective < LEAST * timeout || effective >= timeout)
  return seen[lastWrong + 1]?.at ?? Infinity
}

/** The backend's first close of a connection that became idle under this timeout. */
function firstClose ({ index, began }: Life): number {
  return idleCloses(records[index]!).find(({ at, idleMs = 0 }) => at - idleMs >= began)?.at ?? Infinity
}

/**
 * How long each lost POST was sent after the first close was known. A POST that arrives within a round trip of the close was sent before.
 */
function lostPosts (life: Life): number[] {
  const known = firstClose(life) + DELAY
  return life.sent.filter(({ method, outcome }) => method === 'POST' && outcome !== 'right').map(({ sent }) => sent - known)
}

/** Prints what a target saw that learned too late. */
function explain (life: Life): void {
  const { index, timeout, began, ended } = life
  const closes = idleCloses(records[index]!).map(({ at, idleMs = NaN }) => ({ at, what: `closed after ${idleMs.toFixed(0)}` }))
  const changes = limits[index]!.filter(({ effective }, nth, all) => effective !== all[nth - 1]?.effective).map(({ at, effective }) => ({ at, what: `limit ${effective}` }))
  const story = [...closes, ...changes].filter(({ at }) => at >= began && at <= Math.min(rightAt(life), ended)).sort((a, b) => a.at - b.at)
  console.log(`late, ${timeout / 1000} s, target ${index}: ${story.map(({ at, what }) => `${(at - began).toFixed(0)}: ${what}`).join(', ')}`)
}

async function watchLimits (): Promise<LimitAt[][]> {
  const seen: LimitAt[][] = relays.urls.map(() => [])
  while (!ended.signal.aborted) {
    const effective = new Map((await gateway.ask('snapshots')).map(({ origin, idleLimit }) => [origin, idleLimit.effective]))
    const at = machineTime()
    for (const [index, url] of relays.urls.entries()) seen[index]?.push({ at, effective: effective.get(url) ?? NaN })
    await wait(POLL)
  }
  return seen
}

function inOrder (numbers: number[]): number[] {
  return [...numbers].sort((a, b) => a - b)
}
