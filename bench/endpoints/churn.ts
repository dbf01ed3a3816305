import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import { churnedLists } from './churned-lists.js'
import { startEndpointsGateway } from './endpoints-gateway.js'
import { startFleet } from './fleet.js'
import { holdNoFailure } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { type Sent, Traffic } from './traffic.js'

const CHANGES = 1_000
const SECONDS = quick ? 3 : 10
const WARM_SECONDS = quick ? 1 : 5
const SIZE = 20
const PER_SECOND = 100
const LAG = 100
// What the heap may grow by, in bytes: what varies, and 50 a change.
const LEAK = 500_000 + CHANGES * SECONDS * 50

interface Run {
  readonly made: number
  readonly lag: number
  readonly sent: readonly Sent[]
  readonly heap: number
  readonly endpoints: number
}

export const churn: Scenario = {
  name: 'churn',
  title: `${CHANGES} changes of addresses a second for ${SECONDS} s, ${SIZE} endpoints at a time, ${PER_SECOND} GETs/s`,
  async run (bounds, started) {
    const rows = []
    // All addresses of loopback.
    const fleet = started.add(await startFleet({ hosts: ['0.0.0.0'] }))
    const { port } = fleet.setup
    const first = churnedLists(SIZE, port).next().value
    for (const by of ['function', 'set'] as const) {
      const gateway = started.add(await startEndpointsGateway({
        gateway: { metrics: { path: '/metrics' } }, routes: [{ prefix: '/users', upstream: by === 'function' ? { pushed: first } : first }]
      }))
      /** The heap when nothing changes any more. */
      const rest = async (): Promise<{ heap: number, endpoints: number }> => {
        if (by === 'function') await gateway.ask('push', { list: first })
        else await gateway.call('set', first)
        await gateway.until(endpoints => endpoints.filter(({ state }) => state !== 'gone').length === SIZE, 15_000)
        return { heap: await gateway.ask('heap', {}), endpoints: (await gateway.ask('endpoints', {})).length }
      }
      const order = { changesPerSecond: CHANGES, port, size: SIZE, by }
      const run = async (seconds: number): Promise<Run> => {
        const traffic = new Traffic(gateway.url, PER_SECOND, () => ({ path: '/users' }))
        await wait(200)
        await gateway.ask('lag', {})
        const made = await gateway.ask('churn', { ...order, seconds })
        const lag = await gateway.ask('lag', {})
        return { made, lag, sent: await traffic.stop(), ...await rest() }
      }
      const before = await run(WARM_SECONDS)
      const { made, lag, sent, ...after } = await run(SECONDS)
      const grown = after.heap - before.heap
      const what = by === 'function' ? 'a discovery function yields' : 'endpoints.set'
      bounds.hold(`${what}: the event loop is held up for less than ${LAG} ms`, lag < LAG, `${Math.round(lag)} ms`)
      bounds.hold(`${what}: the heap grows by less than ${LEAK / 1e6} MB`, grown < LEAK, `${(grown / 1e6).toFixed(2)} MB`)
      holdNoFailure(bounds, sent, what)
      rows.push({
        what,
        changes: made,
        requests: sent.length,
        'longest lag, ms': Math.round(lag),
        'heap before, MB': (before.heap / 1e6).toFixed(1),
        'heap after, MB': (after.heap / 1e6).toFixed(1),
        'endpoints after': after.endpoints
      })
      await gateway.stop()
    }
    return rows
  }
}
