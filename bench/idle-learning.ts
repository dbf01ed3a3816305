import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import type { TargetSnapshot } from '../src/index.js'
import { Bounds, quick } from './bounds.js'
import type { Arrival } from './delay-relay.js'
import { machineTime } from './delay-relay-line.js'
import { type DelayRelays, idleCloses, type RelayRecords, staleHits, startDelayRelays } from './delay-relays.js'
import { Gateway } from './gateway.js'
import { type ManyUpstreams, startHoldfast, startHttpProxy, startNginxGateway, startStock } from './idle-learning-gateways.js'
import { patientClients, poissonTraffic, type Sent } from './idle-learning-traffic.js'
import { reusable } from './oracle.js'
import { nginxInstalled } from './real-nginx.js'
import { printTable, type Row } from './table.js'
import { undisturbed } from './undisturbed.js'

// Backends that close idle connections after a time which nobody is told, a way of 20 ms before them, and requests whose
// gaps straddle that time. Each gateway has the same traffic over backends of its own, all at the same time.

const DELAY = 20
const TIMEOUTS = quick ? [1000, 2000] : [1000, 2000, 3000, 5000]
const SECONDS = quick ? 60 : 330
// Targets with a timeout of 1 s; of those that are slower there are more, so that all have as many requests in the end.
const TARGETS = quick ? 24 : 20
const PEER_TARGETS = quick ? 6 : 5
const WARM_UP_CLOSES = 5
const LEAST_REQUESTS = quick ? 1500 : 10_000
const MOST_BEHIND = 0.03

interface Target { timeout: number, sent: Sent[], records: RelayRecords, limits: LimitAt[] }
interface LimitAt { at: number, effective: number }
/** A request after warm-up, from its client and from its backend. */
interface Counted { sent: Sent, reused: boolean, reusable: boolean, stale: Arrival[] }
interface Run { gateway: string, byTimeout: Map<number, Counted[]>, targets: Target[], cold: number }

undisturbed()
const bounds = new Bounds()
const skipped: string[] = []
const runs = (await Promise.all([
  run('holdfast', TARGETS, startHoldfast),
  run('@fastify/http-proxy', PEER_TARGETS, startStock),
  run('http-proxy', PEER_TARGETS, startHttpProxy),
  run('nginx', PEER_TARGETS, async (upstreams) => nginxInstalled() ? await startNginxGateway(upstreams) : undefined)
])).filter((one) => one !== undefined)

for (const name of skipped) console.log(`skipped, not installed: ${name}`)
printTable(`idle timeouts that nobody announces, ${DELAY} ms one way; requests after the first ${WARM_UP_CLOSES} idle closes of a target`,
  runs.flatMap(({ gateway, byTimeout }) => [
    ...TIMEOUTS.map((timeout) => row(gateway, `${timeout / 1000} s`, byTimeout.get(timeout) ?? [])),
    row(gateway, 'all', [...byTimeout.values()].flat())
  ]))
for (const one of runs) {
  const cold = one.targets.filter(({ records }) => idleCloses(records).length < WARM_UP_CLOSES).length
  if (cold > 0) console.log(`\n${one.gateway}: ${cold} targets never had ${WARM_UP_CLOSES} idle closes, and do not count`)
}
const [holdfast] = runs
if (holdfast === undefined) throw new Error('nothing was measured')
explain(holdfast)
judge(holdfast)
bounds.report()

async function run (gateway: string, ofFastest: number, start: (upstreams: string[]) => Promise<ManyUpstreams | undefined>): Promise<Run | undefined> {
  const timeouts = TIMEOUTS.flatMap((timeout) => Array.from({ length: ofFastest * timeout / 1000 }, () => timeout))
  const relays = await startDelayRelays({ delay: DELAY, backends: timeouts.map((idleTimeout) => ({ idleTimeout })) })
  const started = await start(relays.urls)
  if (started === undefined) {
    skipped.push(gateway)
    await relays.stop()
    return undefined
  }
  const agent = patientClients()
  const seconds = AbortSignal.timeout(SECONDS * 1000)
  setMaxListeners(0, seconds)
  const limits = started instanceof Gateway && gateway === 'holdfast' ? watchLimits(started, relays, seconds) : undefined
  const sent = await Promise.all(timeouts.map((timeout, index) => poissonTraffic({
    url: `${started.url}/${index}/`, name: `${index}`, meanGap: timeout, seed: timeout + nth(timeouts, index)
  }, agent, seconds)))
  agent.destroy()
  const records = await relays.records()
  const changes = await limits
  await started.stop()
  await relays.stop()
  const targets = timeouts.map((timeout, index): Target => ({ timeout, sent: sent[index]!, records: records[index]!, limits: changes?.[index] ?? [] }))
  const byTimeout = new Map(TIMEOUTS.map((timeout) => [timeout, targets.filter((target) => target.timeout === timeout).flatMap(counted)]))
  const cold = targets.reduce((sum, target) => sum + target.sent.length, 0) - [...byTimeout.values()].flat().length
  return { gateway, byTimeout, targets, cold }
}

/** Which one of its kind it is, so that the traffic is the same however many there are. */
function nth (timeouts: number[], index: number): number {
  return index - timeouts.indexOf(timeouts[index]!)
}

function counted ({ timeout, sent, records }: Target): Counted[] {
  const warmAt = idleCloses(records)[WARM_UP_CLOSES - 1]?.at ?? Infinity
  const read = new Map(records.arrivals.filter(({ stale }) => !stale).map((arrival) => [arrival.id, arrival]))
  const unread = staleHits(records)
  const all = sent.map((one) => ({ id: one.id, one, sent: one.sent, answered: read.get(one.id)?.at ?? Infinity }))
  const best = reusable(all, timeout, DELAY)
  return all.filter(({ sent }) => sent >= warmAt).map((request) => ({
    sent: request.one,
    reusable: best.has(request),
    reused: (read.get(request.id)?.nth ?? 1) > 1,
    stale: unread.filter(({ id }) => id === request.id)
  }))
}

function row (gateway: string, timeout: string, all: Counted[]): Row {
  const gets = all.filter(({ sent }) => sent.method === 'GET')
  const posts = all.filter(({ sent }) => sent.method === 'POST')
  return {
    gateway,
    timeout,
    requests: all.length,
    'stale GETs': stale(gets),
    'stale POSTs': stale(posts),
    'GETs failed': failed(gets),
    'POSTs lost': failed(posts),
    reused: percent(part(all, 'reused')),
    'at best': percent(part(all, 'reusable')),
    'GETs reused': percent(part(gets, 'reused')),
    'at best ': percent(part(gets, 'reusable')),
    'POSTs reused': percent(part(posts, 'reused')),
    'at best  ': percent(part(posts, 'reusable'))
  }
}

function judge ({ byTimeout }: Run): void {
  const all = [...byTimeout.values()].flat()
  const posts = all.filter(({ sent }) => sent.method === 'POST')
  bounds.hold(`>= ${LEAST_REQUESTS} requests after warm-up`, all.length >= LEAST_REQUESTS, String(all.length))
  bounds.hold('no request on a connection that the backend had closed, retried or not', stale(all) === 0, String(stale(all)))
  bounds.hold('no request failed', failed(all) === 0, String(failed(all)))
  bounds.hold('no POST lost', failed(posts) === 0, String(failed(posts)))
  const behind = part(all, 'reusable') - part(all, 'reused')
  bounds.hold(`reuse within ${MOST_BEHIND * 100} points of the best possible`, behind <= MOST_BEHIND, `${percent(behind)} behind`)
}

/** What there is to know of each request that met a closed connection, and of the reuse that was missed. */
function explain ({ targets, byTimeout, cold }: Run): void {
  const rtt = [...byTimeout.values()].flat().map(({ sent }) => sent.answered - sent.sent).sort((a, b) => a - b)
  const of = (part: number): string => (rtt[Math.floor(rtt.length * part)] ?? NaN).toFixed(1)
  console.log(`\nin warm-up: ${cold} requests; answered after (2 x ${DELAY} ms at best): median ${of(0.5)}, p99 ${of(0.99)}, most ${of(0.9999)} ms`)
  for (const timeout of TIMEOUTS) {
    const ofTimeout = targets.filter((target) => target.timeout === timeout)
    const effective = ofTimeout.map(({ limits }) => limits.at(-1)?.effective ?? NaN).sort((a, b) => a - b)
    console.log(`${timeout / 1000} s: limit in the end: least ${effective[0]?.toFixed(0)}, median ${effective[effective.length >> 1]?.toFixed(0)}, most ${effective.at(-1)?.toFixed(0)} ms`)
  }
  for (const target of targets) {
    const sent = new Map(target.sent.map((one) => [one.id, one]))
    const after = new Set(counted(target).map(({ sent }) => sent.id))
    for (const { at, id, method, idleMs, connection, nth, stale } of target.records.arrivals) {
      if (!stale || !after.has(id)) continue
      const before = target.records.arrivals.find((one) => one.connection === connection && one.nth === nth - 1)
      // On the way to the backend, and on the way back of the answer before, beyond the delay.
      const late = at - sent.get(id)!.sent - DELAY
      const lateBefore = before === undefined ? NaN : sent.get(before.id)!.answered - before.at - DELAY
      const closes = idleCloses(target.records).filter((close) => close.at <= at)
      const limit = target.limits.filter((limit) => limit.at <= at).at(-1)?.effective
      console.log(`stale: ${method} ${id}, the ${nth}th of its connection, ${(idleMs - target.timeout).toFixed(1)} ms after the close at ${target.timeout} ms, after ${closes.length} idle closes; limit then ${limit}; ${late.toFixed(1)} ms late itself, the answer before ${lateBefore.toFixed(1)} ms`)
    }
  }
}

/** Every change of a limit that is there to be seen each second. */
async function watchLimits (gateway: Gateway, relays: DelayRelays, signal: AbortSignal): Promise<LimitAt[][]> {
  const changes: LimitAt[][] = relays.urls.map(() => [])
  while (!signal.aborted) {
    const byOrigin = new Map((await gateway.ask('snapshots')).map((snapshot: TargetSnapshot) => [snapshot.origin, snapshot.idleLimit.effective]))
    const at = machineTime()
    for (const [index, url] of relays.urls.entries()) {
      const effective = byOrigin.get(url)
      if (effective !== undefined && changes[index]?.at(-1)?.effective !== effective) changes[index]?.push({ at, effective })
    }
    await wait(1000)
  }
  return changes
}

function part (counted: Counted[], what: 'reused' | 'reusable'): number {
  return counted.filter((one) => one[what]).length / counted.length
}

function stale (counted: Counted[]): number {
  return counted.reduce((sum, { stale }) => sum + stale.length, 0)
}

function failed (counted: Counted[]): number {
  return counted.filter(({ sent }) => sent.outcome !== 'right').length
}

function percent (part: number): string {
  return `${(part * 100).toFixed(1)} %`
}
