import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import { startEndpointsGateway } from './endpoints-gateway.js'
import { startFleet } from './fleet.js'
import { holdNoFailure } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { Traffic } from './traffic.js'

const TARGETS = 200
const PER_SECOND = 300
const SECONDS = quick ? 2 : 20

export const many: Scenario = {
  name: 'many',
  title: `${TARGETS} targets with 1 and with 50 endpoints each: memory and CPU of the gateway`,
  async run (bounds, started) {
    const rows = []
    // All addresses of loopback.
    const fleet = started.add(await startFleet({ hosts: ['0.0.0.0'] }))
    for (const endpoints of [1, 50]) {
      const routes = Array.from({ length: TARGETS }, (_, target) => ({
        prefix: `/t${target}`,
        upstream: Array.from({ length: endpoints }, (_, n) => `http://127.1.${target}.${n + 1}:${fleet.setup.port}`)
      }))
      const began = performance.now()
      const gateway = started.add(await startEndpointsGateway({ routes }))
      const startMs = performance.now() - began
      const heap = await gateway.ask('heap', {})
      const cpuOf = async (): Promise<number> => {
        const before = gateway.usage.cpu
        await wait(SECONDS * 1_000)
        return (gateway.usage.cpu - before) / 1_000 / SECONDS
      }
      const idle = await cpuOf()
      const traffic = new Traffic(gateway.url, PER_SECOND, n => ({ path: `/t${n * 7 % TARGETS}` }))
      const busy = await cpuOf()
      const sent = await traffic.stop()
      holdNoFailure(bounds, sent, `${TARGETS} x ${endpoints}`)
      rows.push({
        'targets x endpoints': `${TARGETS} x ${endpoints}`,
        'started in, ms': Math.round(startMs),
        'heap, MB': (heap / 1e6).toFixed(1),
        'kB an endpoint': (heap / 1e3 / TARGETS / endpoints).toFixed(1),
        'resident, MB': (gateway.usage.resident / 1e6).toFixed(0),
        'CPU idle, ms/s': idle.toFixed(1),
        [`CPU at ${PER_SECOND} GETs/s, ms/s`]: busy.toFixed(0),
        'heap after, MB': (await gateway.ask('heap', {}) / 1e6).toFixed(1)
      })
      await gateway.stop()
    }
    return rows
  }
}
