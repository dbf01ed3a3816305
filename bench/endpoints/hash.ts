import { createBalance } from '../../src/endpoint/balance.js'
import { endpointId } from '../../src/endpoint/endpoint-id.js'
import { type Candidate, Roster } from '../../src/endpoint/roster.js'
import { seededRandom } from '../../src/endpoint/seeded-random.js'
import { quick } from '../instruments/bounds.js'
import type { Row } from '../instruments/table.js'
import { startEndpointsGateway } from './endpoints-gateway.js'
import { addresses, startFleet } from './fleet.js'
import type { Scenario } from './scenario.js'
import { closedLoop } from './traffic.js'

const PICKS = 1_000_000
const KEYS = quick ? 1_500 : 10_000
const SHARE = 0.09
const WITHIN = 0.02

export const hash: Scenario = {
  name: 'hash',
  title: 'keys that move when the eleventh of ten endpoints is added',
  async run (bounds, started) {
    const hosts = addresses(11)
    const eleventh = hosts.at(-1)!
    const judge = (what: string, before: readonly string[], after: readonly string[]): Row => {
      const moved = after.filter((host, n) => host !== before[n])
      const elsewhere = moved.filter(host => host !== eleventh).length
      const share = moved.length / before.length
      const holds = Math.abs(share - SHARE) <= WITHIN
      bounds.hold(`${what}: ${SHARE * 100} % of the keys move, within ${WITHIN * 100}`, holds, `${(share * 100).toFixed(2)} %`)
      bounds.hold(`${what}: they move to the eleventh`, elsewhere === 0, `${elsewhere} move to another`)
      return { what, keys: before.length, moved: `${(share * 100).toFixed(2)} %`, 'not to the eleventh': elsewhere }
    }
    const keys = (n: number): string => `user ${n}`
    const simulated = (count: number): string[] => {
      const roster = new Roster<Candidate & { readonly host: string }>()
      roster.use(hosts.slice(0, count).map(host => ({
        host, id: endpointId(`${host}:3000`), weight: 1, outstanding: 0, warm: true, full: false, slowFrom: -Infinity
      })), 0)
      const balance = createBalance('hash', roster, seededRandom(1))
      return Array.from({ length: PICKS }, (_, n) => balance.pick(0, [], keys(n))!.host)
    }
    const rows = [judge('simulated', simulated(10), simulated(11))]

    const fleet = started.add(await startFleet({ hosts }))
    await fleet.behave({ takes: [0, 0] })
    const gateway = started.add(await startEndpointsGateway({
      gateway: { balance: 'hash', affinity: { header: 'x-user' } }, routes: [{ upstream: fleet.urls.slice(0, 10) }]
    }))
    const sent = async (): Promise<string[]> => {
      // One at a time, so that no endpoint is at the bound of its load.
      const all = await closedLoop({ url: gateway.url, requests: KEYS, atOnce: 1, ask: n => ({ headers: { 'x-user': keys(n) } }) })
      return all.map(({ by = 'nobody' }) => by)
    }
    const before = await sent()
    await gateway.call('set', fleet.urls)
    rows.push(judge('over sockets', before, await sent()))
    return rows
  }
}
