import { setTimeout as wait } from 'node:timers/promises'
import type { Row } from '../instruments/table.js'
import { startEndpointsGateway } from './endpoints-gateway.js'
import { addresses, portFor, startFleet } from './fleet.js'
import { startNames } from './names.js'
import { holdNoFailure } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { epochMs } from './time.js'
import { type Sent, Traffic } from './traffic.js'

const PER_SECOND = 300
const NAME = '_http._tcp.users.test'
const WEIGHTS = [3, 1] as const
const WITHIN = 0.1
const BACK_WITHIN = 2_000

export const srv: Scenario = {
  name: 'srv',
  title: `srv+http: two endpoints of weights ${WEIGHTS.join(' and ')}, and a spare one of the next priority, ${PER_SECOND} GETs/s`,
  async run (bounds, started) {
    const names = started.add(await startNames())
    const hosts = addresses(3)
    const ports = [await portFor(hosts), await portFor(hosts), await portFor(hosts)]
    const fleets = await Promise.all(hosts.map(async (host, n) => started.add(await startFleet({ hosts: [host], port: ports[n]! }))))
    hosts.forEach((host, n) => names.set(`host${n}.test`, 'A', [host], 60))
    const records = [`0 ${WEIGHTS[0]} ${ports[0]} host0.test`, `0 ${WEIGHTS[1]} ${ports[1]} host1.test`, `1 0 ${ports[2]} host2.test`]
    names.set(NAME, 'SRV', records, 60)
    const gateway = started.add(await startEndpointsGateway({
      gateway: { discovery: { servers: [names.address], refresh: 1_000 } }, routes: [{ upstream: `srv+http://${NAME}` }]
    }))
    const traffic = new Traffic(gateway.url, PER_SECOND, () => ({}))
    await wait(3_000)
    const killedAt = epochMs()
    // One after the other: a request is sent again once only.
    for (const fleet of fleets.slice(0, 2)) {
      await fleet.kill()
      await wait(500)
    }
    const bothKilled = epochMs()
    await wait(1_000)
    const restarted = epochMs()
    await Promise.all(fleets.slice(0, 2).map(fleet => fleet.start()))
    const back = epochMs()
    await wait(BACK_WITHIN + 1_000)
    const sent = await traffic.stop()
    const by = (list: readonly Sent[], n: number): number => list.filter(one => one.by === hosts[n]).length
    const first = sent.filter(({ ended }) => ended < killedAt)
    const during = sent.filter(({ began, ended }) => began > bothKilled && ended < restarted)
    const after = sent.filter(({ began }) => began > back + BACK_WITHIN)
    const share = by(first, 0) / first.length
    const wanted = WEIGHTS[0] / (WEIGHTS[0] + WEIGHTS[1])
    // With one or two requests in flight, a warm connection of the lighter one often wins over a dial of the other.
    const near = Math.abs(share - wanted) <= WITHIN
    bounds.hold(`the first gets ${wanted * 100} %, within ${WITHIN * 100}`, near, `${(share * 100).toFixed(1)} %`)
    bounds.hold('the spare one gets nothing while the others serve', by(first, 2) === 0, String(by(first, 2)))
    const spare = by(during, 2)
    bounds.hold('the spare one serves while the others are killed', spare > 0 && spare === during.length, `${spare} of ${during.length}`)
    const still = by(after, 2)
    bounds.hold(`the spare one gets nothing ${BACK_WITHIN} ms after their return`, still === 0 && after.length > 0, String(still))
    holdNoFailure(bounds, sent)
    const row = (when: string, list: readonly Sent[]): Row => ({
      'name server': names.server, when, requests: list.length, 'weight 3': by(list, 0), 'weight 1': by(list, 1), spare: by(list, 2)
    })
    return [row('before', first), row('two are killed', during), row('after', after)]
  }
}
