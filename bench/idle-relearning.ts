import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Bounds, quick } from './bounds.js'
import { machineTime } from './delay-relay-line.js'
import { idleCloses, type RelayRecords, staleHits, startDelayRelays } from './delay-relays.js'
import type { Gateway } from './gateway.js'
import { startHoldfast } from './idle-learning-gateways.js'
import { patientClients, poissonTraffic, type Sent } from './idle-learning-traffic.js'
import { printTable, type Row } from './table.js'

// Backends whose idle timeout is changed while they run, up and down again, as nobody announces. A change holds for
// connections that become idle from then on.

const DELAY = 20
const SHORT = quick ? 500 : 2000
const LONG = quick ? 5000 : 30_000
const TARGETS = 24
// In a phase all send at once first, so that there is a connection more than the next requests need: a backend shows its
// timeout only where one is idle for so long.
const CLIENTS = 3
const GAP = SHORT * 2
const LEAST = 0.75
const POLL = 50

interface Phase { timeout: number, ms: number, began: number, sent: Sent[][] }
interface Seen { at: number, effective: number }
interface Relearned { sinceMove: number, sinceClose: number, lost: number[] }

const bounds = new Bounds()
const relays = await startDelayRelays({ delay: DELAY, backends: Array.from({ length: TARGETS }, () => ({ idleTimeout: SHORT })) })
const gateway = await startHoldfast(relays.urls)
const ended = new AbortController()
const watching = watch(gateway, ended.signal)
const phases = [
  await phase(SHORT, 10 * SHORT),
  await phase(LONG, 2 * LONG + 10 * SHORT),
  await phase(SHORT, 10 * SHORT)
]
ended.abort()
const limits = await watching
const records = await relays.records()
await gateway.stop()
await relays.stop()

printTable(`an idle timeout that moves; ${TARGETS} targets, ${CLIENTS} clients each, ${DELAY} ms one way; times in ms`, phases.map(judge))
for (const phase of phases.slice(1)) explain(phase)
bounds.report()

async function phase (timeout: number, ms: number): Promise<Phase> {
  const began = machineTime()
  await relays.setIdleTimeout(timeout)
  const agent = patientClients()
  const signal = AbortSignal.timeout(ms)
  setMaxListeners(0, signal)
  const sent = await Promise.all(relays.urls.map(async (_url, index) => {
    const clients = Array.from({ length: CLIENTS }, async (_one, client) => await poissonTraffic({
      url: `${gateway.url}/${index}/`, name: `${began}-${index}-${client}`, meanGap: GAP, seed: timeout + ms + index * CLIENTS + client, atOnce: true
    }, agent, signal))
    return (await Promise.all(clients)).flat()
  }))
  agent.destroy()
  return { timeout, ms, began, sent }
}

function judge (phase: Phase, nth: number): Row {
  const { timeout, ms, began, sent } = phase
  const name = `${nth === 0 ? 'at first' : timeout === LONG ? 'up' : 'down'}, ${timeout / 1000} s`
  const targets = relays.urls.map((_url, index) => relearned(phase, sent[index]!, records[index]!, limits[index]!))
  const sinceMove = targets.map(({ sinceMove }) => sinceMove).sort((a, b) => a - b)
  const sinceClose = targets.map(({ sinceClose }) => sinceClose).sort((a, b) => a - b)
  const lost = targets.flatMap(({ lost }) => lost)
  const all = sent.flat()
  const stale = records.flatMap(staleHits).filter(({ at }) => at >= began && at < began + ms + 2 * DELAY)
  const [most = NaN] = sinceMove.slice(-1)
  if (nth > 0) {
    bounds.hold(`${name}: limit within ${LEAST} to 1 of it, ${2 * timeout} ms after the move`, most <= 2 * timeout, `${most.toFixed(0)} ms`)
    bounds.hold(`${name}: no POST lost that was sent after the first close under it was known`, lost.every((late) => late <= 0), `${lost.map((late) => late.toFixed(0)).join(', ')} ms after`)
    bounds.hold(`${name}: no GET failed`, all.every(({ method, outcome }) => method === 'POST' || outcome === 'right'))
  }
  return {
    timeout: name,
    requests: all.length,
    'relearned after': `${sinceMove[0]?.toFixed(0)} - ${most.toFixed(0)}`,
    median: (sinceMove[sinceMove.length >> 1] ?? NaN).toFixed(0),
    'after its first close': `${sinceClose[0]?.toFixed(0)} - ${sinceClose.at(-1)?.toFixed(0)}`,
    'stale hits': stale.length,
    'GETs failed': all.filter(({ method, outcome }) => method === 'GET' && outcome !== 'right').length,
    'POSTs lost': lost.length,
    'of them known': lost.filter((late) => late > 0).length
  }
}

/** What a target that was late had to go by: each close, with the idle time, and each change of its limit. */
function explain (phase: Phase): void {
  const { timeout, ms, began } = phase
  for (const [index, sent] of phase.sent.entries()) {
    const { sinceMove } = relearned(phase, sent, records[index]!, limits[index]!)
    if (sinceMove <= 2 * timeout) continue
    const within = ({ at }: { at: number }): boolean => at >= began && at <= began + Math.min(sinceMove, ms)
    const closes = idleCloses(records[index]!).map(({ at, idleMs = NaN }) => ({ at, what: `closed after ${idleMs.toFixed(0)}` }))
    const changes = limits[index]!.filter(({ effective }, nth, all) => effective !== all[nth - 1]?.effective).map(({ at, effective }) => ({ at, what: `limit ${effective}` }))
    const story = [...closes, ...changes].filter(within).sort((a, b) => a.at - b.at).map(({ at, what }) => `${(at - began).toFixed(0)}: ${what}`)
    console.log(`${timeout / 1000} s, target ${index}: ${story.join(', ')}`)
  }
}

/** When a target's limit became right, to stay so for the rest of the phase, and the POSTs that it lost. */
function relearned ({ timeout, ms, began }: Phase, sent: Sent[], records: RelayRecords, limits: Seen[]): Relearned {
  const right = ({ effective }: Seen): boolean => effective >= LEAST * timeout && effective < timeout
  const seen = limits.filter(({ at }) => at >= began && at < began + ms)
  const rightAt = seen[seen.findLastIndex((one) => !right(one)) + 1]?.at ?? Infinity
  const firstClose = idleCloses(records).find(({ at, idleMs = 0 }) => at - idleMs >= began)?.at ?? Infinity
  return {
    sinceMove: rightAt - began,
    sinceClose: rightAt - firstClose,
    // When the gateway could know of that close, and so not more than a round trip later at the backend.
    lost: sent.filter(({ method, outcome }) => method === 'POST' && outcome !== 'right').map(({ sent }) => sent - (firstClose + DELAY))
  }
}

async function watch (gateway: Gateway, signal: AbortSignal): Promise<Seen[][]> {
  const seen: Seen[][] = relays.urls.map(() => [])
  while (!signal.aborted) {
    const snapshots = new Map((await gateway.ask('snapshots')).map(({ origin, idleLimit }) => [origin, idleLimit.effective]))
    const at = machineTime()
    for (const [index, url] of relays.urls.entries()) seen[index]?.push({ at, effective: snapshots.get(url) ?? NaN })
    await wait(POLL)
  }
  return seen
}
