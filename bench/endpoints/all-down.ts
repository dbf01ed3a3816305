import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import { startEndpointsGateway } from './endpoints-gateway.js'
import { addresses, startFleet } from './fleet.js'
import { failuresOf } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { epochMs } from './time.js'
import { Traffic } from './traffic.js'

const PER_SECOND = 100
const DOWN_MS = quick ? 5_000 : 20_000
// `pool.connectRetry`: for so long, requests wait for a server that may restart.
const PATIENCE = 1_000
const REFUSED_WITHIN = 50
const BACK_WITHIN = 500

export const allDown: Scenario = {
  name: 'all-down',
  title: `all endpoints are killed for ${DOWN_MS} ms, ${PER_SECOND} GETs/s`,
  async run (bounds, started) {
    const rows = []
    for (const count of [1, 3]) {
      const fleet = started.add(await startFleet({ hosts: addresses(count) }))
      const upstream = count === 1 ? fleet.urls[0]! : fleet.urls
      const gateway = started.add(await startEndpointsGateway({ routes: [{ upstream }] }))
      const traffic = new Traffic(gateway.url, PER_SECOND, () => ({}))
      await wait(1_000)
      const killed = epochMs()
      await fleet.kill()
      await wait(DOWN_MS)
      const restarted = epochMs()
      await fleet.start()
      const back = epochMs()
      await wait(1_000)
      const sent = await traffic.stop()
      const down = sent.filter(({ began, ended }) => began > killed + PATIENCE + REFUSED_WITHIN && ended < restarted)
      const times = down.map(({ began, ended }) => ended - began).sort((a, b) => a - b)
      const late = times[Math.floor(times.length * 0.99)] ?? Infinity
      const others = down.filter(({ status }) => status !== 502 && status !== 503)
      const first = sent.find(({ status, ended }) => status === 200 && ended > restarted)
      const after = (first?.ended ?? Infinity) - back
      const what = count === 1 ? 'one endpoint' : `${count} endpoints`
      bounds.hold(`${what}: 99 % are refused within ${REFUSED_WITHIN} ms`, late <= REFUSED_WITHIN, `${late.toFixed(1)} ms`)
      bounds.hold(`${what}: with 502 or 503`, others.length === 0 && down.length > 0, failuresOf(others))
      bounds.hold(`${what}: they serve within ${BACK_WITHIN} ms of their return`, after <= BACK_WITHIN, `${Math.round(after)} ms`)
      rows.push({
        what,
        'refused, all': down.length,
        'refused within, ms: median': (times[Math.floor(times.length / 2)] ?? 0).toFixed(1),
        '99 %': late.toFixed(1),
        most: (times.at(-1) ?? 0).toFixed(1),
        answers: failuresOf(down),
        'back after, ms': Math.round(after)
      })
      await gateway.stop()
      await fleet.stop()
    }
    return rows
  }
}
