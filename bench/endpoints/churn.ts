import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import { churnedLists } from './churned-lists.js'
import { startEndpointsGateway } from './endpoints-gateway.js'
import { startFleet } from './fleet.js'
import { holdNoFailure } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { Traffic } from './traffic.js'

const CHANGES = 1_000
const SECONDS = quick ? 3 : 10
const WARM_SECONDS = quick ? 2 : 5
const SIZE = 20
const PER_SECOND = 100
const LAG = 100
// What the heap may have grown by, in bytes: a leak of a change would be some 100 bytes at least, and there are some 1 000 x `SECONDS`.
const LEAK = quick ? 1_000_000 : 2_000_000

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
      await gateway.ask('churn', { ...order, seconds: WARM_SECONDS })
      const before = await rest()
      const traffic = new Traffic(gateway.url, PER_SECOND, () => ({ path: '/users' }))
      await wait(200)
      await gateway.ask('lag', {})
      const made = await gateway.ask('churn', { ...order, seconds: SECONDS })
      const lag = await gateway.ask('lag', {})
      const sent = await traffic.stop()
      const after = await rest()
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
