import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { type Arrival, idleCloses, staleHits } from '../../testing/delay-relay.js'
import { machineTime } from '../../testing/delay-relay-line.js'
import { type DelayRelays, type RelayRecords, startDelayRelays } from './delay-relays.js'
import { Gateway } from '../instruments/gateway.js'
import type { ManyUpstreams } from './learning-gateways.js'
import { patientClients, poissonTraffic, type Sent } from './learning-traffic.js'
import { reusable } from './oracle.js'

/** One gateway with many backends, each with traffic whose gaps lie on both sides of its idle timeout. */
export interface RunSetup {
  gateway: string
  /** The idle timeout of each backend, in ms. */
  timeouts: number[]
  /** Resolves to undefined if the gateway is not installed. */
  start: (upstreams: string[]) => Promise<ManyUpstreams | undefined>
  /** One way, in ms. */
  delay: number
  seconds: number
  /** The real backend behind all relays, which closes after the timeouts. Without it scripted backends do. */
  port?: number
}

/** What was sent to one backend, what arrived there, and how its limit changed meanwhile if the gateway tells it. */
export interface Target {
  timeout: number
  sent: Sent[]
  records: RelayRecords
  limits: LimitAt[]
}

export interface LimitAt { at: number, effective: number }

export interface Run { gateway: string, targets: Target[] }

/** Undefined if the gateway is not installed. */
export async function run ({ gateway, timeouts, start, delay, seconds, port }: RunSetup): Promise<Run | undefined> {
  const relays = await startDelayRelays({ delay, backends: timeouts.map((idleTimeout) => port === undefined ? { idleTimeout } : { port }) })
  const started = await start(relays.urls)
  if (started === undefined) {
    await relays.stop()
    return undefined
  }
  const agent = patientClients()
  const signal = AbortSignal.timeout(seconds * 1000)
  setMaxListeners(0, signal)
  const watched = watchLimits(started, relays, signal)
  const sent = await Promise.all(timeouts.map((timeout, index) => poissonTraffic({
    url: `${started.url}/${index}/`, name: `${index}`, meanGap: timeout, seed: timeout + nth(timeouts, index)
  }, agent, signal)))
  agent.destroy()
  const records = await relays.records()
  const limits = await watched
  await started.stop()
  await relays.stop()
  return { gateway, targets: timeouts.map((timeout, index) => ({ timeout, sent: sent[index]!, records: records[index]!, limits: limits[index]! })) }
}

/** The number of the backend among those with its timeout, so that its traffic does not depend on how many there are. */
function nth (timeouts: number[], index: number): number {
  return index - timeouts.indexOf(timeouts[index]!)
}

/** The changes of each limit, looked at once a second; none if the gateway is not Holdfast. */
async function watchLimits (gateway: ManyUpstreams, relays: DelayRelays, signal: AbortSignal): Promise<LimitAt[][]> {
  const changes: LimitAt[][] = relays.urls.map(() => [])
  if (!(gateway instanceof Gateway)) return changes
  while (!signal.aborted) {
    const byOrigin = new Map((await gateway.ask('snapshots')).map(({ origin, idleLimit }) => [origin, idleLimit.effective]))
    if (byOrigin.size === 0) break
    const at = machineTime()
    for (const [index, url] of relays.urls.entries()) {
      const effective = byOrigin.get(url)
      if (effective !== undefined && changes[index]?.at(-1)?.effective !== effective) changes[index]?.push({ at, effective })
    }
    await wait(1000)
  }
  return changes
}

/** A request after the warm-up, as its client and its backend saw it. */
export interface Counted { sent: Sent, reused: boolean, reusable: boolean, stale: Arrival[] }

/** The requests that were sent after their backend's first idle closes, as many as `closes`. */
export function countedAfter (closes: number, delay: number, { timeout, sent, records }: Target): Counted[] {
  const warmAt = idleCloses(records)[closes - 1]?.at ?? Infinity
  const read = new Map(records.arrivals.filter(({ stale }) => !stale).map((arrival) => [arrival.id, arrival]))
  const unread = staleHits(records)
  const all = sent.map((one) => ({ id: one.id, one, sent: one.sent, answered: read.get(one.id)?.at ?? Infinity }))
  const best = reusable(all, timeout, delay)
  return all.filter(({ sent }) => sent >= warmAt).map((request) => ({
    sent: request.one,
    reusable: best.has(request),
    reused: (read.get(request.id)?.nth ?? 1) > 1,
    stale: unread.filter(({ id }) => id === request.id)
  }))
}
