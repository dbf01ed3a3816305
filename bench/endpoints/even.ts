import { startEndpointsGateway } from './endpoints-gateway.js'
import { addresses, startFleet } from './fleet.js'
import { holdNoFailure } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { closedLoop } from './traffic.js'

const REQUESTS = 10_000
const ENDPOINTS = 10
const LEAST = 0.08
const MOST = 0.12

export const even: Scenario = {
  name: 'even',
  title: `${ENDPOINTS} endpoints, ${REQUESTS} GETs, 20 at once`,
  async run (bounds, started) {
    const rows = []
    for (const balance of ['least-requests', 'round-robin']) {
      const fleet = started.add(await startFleet({ hosts: addresses(ENDPOINTS) }))
      await fleet.behave({ takes: [1, 3] })
      const gateway = started.add(await startEndpointsGateway({ gateway: { balance }, routes: [{ upstream: fleet.urls }] }))
      const sent = await closedLoop({ url: gateway.url, requests: REQUESTS, atOnce: 20 })
      const counts = Object.values(await fleet.counts())
      const shares = counts.map(({ requests }) => requests / REQUESTS).sort((a, b) => a - b)
      const [least = 0, most = 0] = [shares[0], shares.at(-1)]
      const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
      bounds.hold(`${balance}: each gets ${LEAST * 100} to ${MOST * 100} %`, least >= LEAST && most <= MOST, shares.map(percent).join(', '))
      holdNoFailure(bounds, sent, balance)
      rows.push({
        balance,
        requests: sent.length,
        'least share': percent(least),
        'greatest share': percent(most),
        'connections opened': counts.reduce((sum, { connections }) => sum + connections, 0)
      })
      await gateway.stop()
      await fleet.stop()
    }
    return rows
  }
}
