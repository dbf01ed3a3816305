import { quick } from '../instruments/bounds.js'
import { startEndpointsGateway } from './endpoints-gateway.js'
import { addresses, startFleet } from './fleet.js'
import type { Scenario } from './scenario.js'
import { closedLoop } from './traffic.js'

const REQUESTS = quick ? 3_000 : 20_000
const TIMES = 10

export const slow: Scenario = {
  name: 'slow',
  title: `one of ten endpoints takes ${TIMES} times as long, 20 GETs at once`,
  async run (bounds, started) {
    const hosts = addresses(10)
    const [slowest = ''] = hosts
    const fleet = started.add(await startFleet({ hosts }))
    await fleet.behave({ takes: [5, 15] })
    await fleet.behave({ takes: [5 * TIMES, 15 * TIMES] }, [slowest])
    const gateway = started.add(await startEndpointsGateway({ routes: [{ upstream: fleet.urls }] }))
    const began = performance.now()
    const sent = await closedLoop({ url: gateway.url, requests: REQUESTS, atOnce: 20 })
    const ms = performance.now() - began
    const counts = await fleet.counts()
    // Little's law: the mean number in flight is the time of all requests over the time that passed. Times are those of clients.
    const inFlight = (host: string): number => sent.reduce((sum, { by, began, ended }) => by === host ? sum + ended - began : sum, 0) / ms
    const mean = hosts.reduce((sum, host) => sum + inFlight(host), 0) / hosts.length
    const factor = inFlight(slowest) / mean
    bounds.hold('the slow one has at most twice the mean in flight', factor <= 2, factor.toFixed(2))
    return [
      {
        endpoint: 'the slow one',
        requests: counts[slowest]!.requests,
        'in flight, mean': inFlight(slowest).toFixed(2),
        most: counts[slowest]!.mostInFlight
      },
      {
        endpoint: 'mean of all ten',
        requests: REQUESTS / hosts.length,
        'in flight, mean': mean.toFixed(2),
        most: Math.max(...hosts.slice(1).map(host => counts[host]!.mostInFlight))
      }
    ]
  }
}
