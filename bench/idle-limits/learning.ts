import { Bounds, quick } from '../instruments/bounds.js'
import { idleCloses } from '../../testing/delay-relay.js'
import { startHoldfast, startHttpProxy, startNginxGateway, startStock } from './learning-gateways.js'
import { type Counted, countedAfter, run, type RunSetup, type Target } from './learning-run.js'
import { nginxInstalled, startNginx } from '../../testing/real-nginx.js'
import { printTable, type Row } from '../instruments/table.js'

// Backends that close idle connections after an unannounced time, behind a delay of 20 ms one way, and requests whose gaps lie on both
// sides of that time. Each gateway gets the same traffic to backends of its own, all at the same time.

const DELAY = 20
const TIMEOUTS = quick ? [1000, 2000] : [1000, 2000, 3000, 5000]
const SECONDS = quick ? 60 : 330
// Targets with a timeout of 1 s. Longer timeouts have more targets, so that all timeouts get as many requests.
const TARGETS = quick ? 24 : 20
const PEER_TARGETS = quick ? 6 : 5
const REAL_TIMEOUT = 2000
const WARM_UP_CLOSES = 5
const LEAST_REQUESTS = quick ? 1500 : 10_000
const MOST_BEHIND = 0.03

interface Result { gateway: string, targets: Target[], counted: Map<Target, Counted[]> }

const bounds = new Bounds()
const nginx = nginxInstalled() ? await startNginx({ keepAliveTimeout: `${REAL_TIMEOUT / 1000}s`, keepAliveRequests: 1_000_000, logs: false }) : undefined
const results = (await Promise.all([
  measure('holdfast', TARGETS, startHoldfast),
  nginx === undefined ? skip('holdfast, nginx behind it') : measure('holdfast, nginx behind it', TARGETS, startHoldfast, Number(new URL(nginx.url).port)),
  measure('@fastify/http-proxy', PEER_TARGETS, startStock),
  measure('http-proxy', PEER_TARGETS, startHttpProxy),
  nginx === undefined ? skip('nginx') : measure('nginx', PEER_TARGETS, startNginxGateway)
])).filter((result) => result !== undefined)
await nginx?.stop()

printTable(`unannounced idle timeouts, ${DELAY} ms one way; requests after the first ${WARM_UP_CLOSES} idle closes of a target`, results.flatMap(rows))
for (const { gateway, targets } of results) {
  const cold = targets.filter(({ records }) => idleCloses(records).length < WARM_UP_CLOSES).length
  if (cold > 0) console.log(`\n${gateway}: ${cold} targets never had ${WARM_UP_CLOSES} idle closes, and do not count`)
}
for (const result of results.filter(({ gateway }) => gateway.startsWith('holdfast'))) {
  explain(result)
  judge(result)
}
bounds.report()

async function measure (gateway: string, ofFastest: number, start: RunSetup['start'], port?: number): Promise<Result | undefined> {
  const timeouts = (port === undefined ? TIMEOUTS : [REAL_TIMEOUT]).flatMap((timeout) => Array.from({ length: ofFastest * timeout / 1000 }, () => timeout))
  const done = await run({ gateway, timeouts, start, delay: DELAY, seconds: SECONDS, port })
  if (done === undefined) return skip(gateway)
  return { ...done, counted: new Map(done.targets.map((target) => [target, countedAfter(WARM_UP_CLOSES, DELAY, target)])) }
}

function skip (gateway: string): undefined {
  console.log(`skipped, not installed: ${gateway}`)
}

function all ({ counted }: Result): Counted[] {
  return [...counted.values()].flat()
}

function rows (result: Result): Row[] {
  const byTimeout = TIMEOUTS.map((timeout) => ({ timeout, counted: [...result.counted].flatMap(([target, counted]) => target.timeout === timeout ? counted : []) }))
  const some = byTimeout.filter(({ counted }) => counted.length > 0)
  return [
    ...some.map(({ timeout, counted }) => row(result.gateway, `${timeout / 1000} s`, counted)),
    ...some.length > 1 ? [row(result.gateway, 'all', all(result))] : []
  ]
}

function row (gateway: string, timeout: string, counted: Counted[]): Row {
  const gets = counted.filter(({ sent }) => sent.method === 'GET')
  const posts = counted.filter(({ sent }) => sent.method === 'POST')
  const reuse = (of: Counted[]): string => `${percent(part(of, 'reused'))} of ${percent(part(of, 'reusable'))}`
  return {
    gateway,
    timeout,
    requests: counted.length,
    'stale GETs': stale(gets),
    'stale POSTs': stale(posts),
    'GETs failed': failed(gets),
    'POSTs lost': failed(posts),
    'reused, of what is possible': reuse(counted),
    GETs: reuse(gets),
    POSTs: reuse(posts)
  }
}

function judge (result: Result): void {
  const { gateway } = result
  const counted = all(result)
  if (gateway === 'holdfast') bounds.hold(`${gateway}: >= ${LEAST_REQUESTS} requests after warm-up`, counted.length >= LEAST_REQUESTS, String(counted.length))
  bounds.hold(`${gateway}: no request on a connection that the backend had closed, retried or not`, stale(counted) === 0, String(stale(counted)))
  bounds.hold(`${gateway}: no request failed, no POST lost`, failed(counted) === 0, String(failed(counted)))
  const behind = part(counted, 'reusable') - part(counted, 'reused')
  bounds.hold(`${gateway}: reuse within ${MOST_BEHIND * 100} points of the best possible`, behind <= MOST_BEHIND, `${percent(behind)} behind`)
}

/** Prints how quiet the machine was, what was learned, and all that is known of each request that met a closed connection. */
function explain (result: Result): void {
  const { gateway, targets, counted } = result
  const times = all(result).map(({ sent }) => sent.answered - sent.sent)
  console.log(`\n${gateway}: ${targets.reduce((sum, { sent }) => sum + sent.length, 0) - times.length} requests in warm-up; answered after, ${2 * DELAY} ms at best: ${spread(times, 1)} ms`)
  for (const timeout of TIMEOUTS) {
    const limits = targets.flatMap((target) => target.timeout === timeout ? target.limits.at(-1)?.effective ?? [] : [])
    if (limits.length > 0) console.log(`  ${timeout / 1000} s: limit in the end ${spread(limits, 0)} ms`)
  }
  for (const [{ timeout, sent, records, limits }, requests] of counted) {
    const sentBy = new Map(sent.map((one) => [one.id, one]))
    for (const { at, id, method, idleMs, connection, nth } of requests.flatMap(({ stale }) => stale)) {
      const before = records.arrivals.find((one) => one.connection === connection && one.nth === nth - 1)
      // Extra delay on the way to the backend, and on the way back of the answer before.
      const late = at - sentBy.get(id)!.sent - DELAY
      const lateBefore = before === undefined ? NaN : sentBy.get(before.id)!.answered - before.at - DELAY
      const closes = idleCloses(records).filter((close) => close.at <= at)
      const limit = limits.filter((limit) => limit.at <= at).at(-1)?.effective
      console.log(`  stale: ${method} ${id}, the ${nth}th of its connection, ${(idleMs - timeout).toFixed(1)} ms after the close at ${timeout} ms, after ${closes.length} idle closes; limit then ${limit}; ${late.toFixed(1)} ms late itself, the answer before ${lateBefore.toFixed(1)} ms`)
    }
  }
}

/** Least, median, 99th percentile and most. */
function spread (numbers: number[], digits: number): string {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] ?? NaN).toFixed(digits)
  return `${at(0)} least, ${at(0.5)} median, ${at(0.99)} p99, ${at(1)} most`
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
