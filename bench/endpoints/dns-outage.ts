import { setTimeout as wait } from 'node:timers/promises'
import { type DnsScript, startDnsServer } from '../../testing/dns-server.js'
import { quick } from '../instruments/bounds.js'
import { startEndpointsGateway, states } from './endpoints-gateway.js'
import { addresses, startFleet } from './fleet.js'
import { holdNoFailure } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { Traffic } from './traffic.js'

const PER_SECOND = 100
const SECONDS = quick ? 6 : 60
// A `hold` that ends within the outage.
const HOLD = quick ? 1_500 : 30_000
const OUTAGES: { readonly [name: string]: DnsScript } = {
  nxdomain: { code: 'NXDOMAIN', records: [] },
  servfail: { code: 'SERVFAIL', records: [] },
  silence: { silent: true },
  empty: { code: 'NOERROR', records: [] }
}
const LINES = 2

export const dnsOutage: Scenario = {
  name: 'dns-outage',
  title: `a name server fails for ${SECONDS} s; TTL 1 s, discovery.hold ${HOLD} ms; ${PER_SECOND} GETs/s`,
  async run (bounds, started) {
    const hosts = addresses(3)
    const fleet = started.add(await startFleet({ hosts }))
    const dns = await startDnsServer()
    started.add({ stop: () => dns.close() })
    const outages = Object.keys(OUTAGES)
    for (const outage of outages) dns.set(`${outage}.test`, 'A', hosts, 1)
    const gateway = started.add(await startEndpointsGateway({
      gateway: { discovery: { servers: [dns.address], hold: HOLD, refresh: 1_000 } },
      routes: outages.map(outage => ({ prefix: `/${outage}`, target: outage, upstream: `dns+http://${outage}.test:${fleet.setup.port}` }))
    }))
    const traffic = new Traffic(gateway.url, PER_SECOND, n => ({ path: `/${outages[n % outages.length]}` }))
    await wait(1_000)
    const before = (await gateway.ask('log', {})).length
    for (const outage of outages) for (const type of ['A', 'AAAA'] as const) dns.script(`${outage}.test`, type, OUTAGES[outage])
    await wait(SECONDS * 1_000)
    const snapshots = await Promise.all(outages.map(async target => await gateway.ask('snapshot', { target })))
    const log = (await gateway.ask('log', {})).slice(before)
    for (const outage of outages) for (const type of ['A', 'AAAA'] as const) dns.script(`${outage}.test`, type, undefined)
    await wait(1_500)
    const sent = await traffic.stop()
    const changes = await gateway.ask('changes', {})
    holdNoFailure(bounds, sent)
    return outages.map((outage, n) => {
      const { endpoints, discovery } = snapshots[n]!
      const removed = changes.filter(({ target, to }) => target === outage && (to === 'leaving' || to === 'gone'))
      const lines = log.filter(line => line.includes(`${outage}.test`))
      const allUp = endpoints.every(({ state }) => state === 'up')
      bounds.hold(`${outage}: no endpoint is removed`, removed.length === 0 && allUp, states(endpoints))
      const isLogged = lines.length > 0 && lines.length <= LINES
      bounds.hold(`${outage}: it is logged, at most ${LINES} times`, isLogged, `${lines.length} lines: ${lines[0]}`)
      return {
        outage,
        removed: removed.length,
        endpoints: endpoints.length,
        'failed questions': discovery?.failures ?? 0,
        fault: discovery?.fault?.message ?? '-'
      }
    })
  }
}
