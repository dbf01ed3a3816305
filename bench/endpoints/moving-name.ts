import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import { startEndpointsGateway, states } from './endpoints-gateway.js'
import { addresses, type Fleet, portFor, startFleet } from './fleet.js'
import { startNames } from './names.js'
import { failuresOf, holdNoFailure, isFailed } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { epochMs } from './time.js'
import { Traffic } from './traffic.js'

const PER_SECOND = 200
const TTL = 2
const SERVED_WITHIN = 3_000
const MOVES = quick ? 1 : 5
const NAME = 'users.test'

export const movingName: Scenario = {
  name: 'moving-name',
  title: `dns+http: a name with a TTL of ${TTL} s gets another address, ${PER_SECOND} GETs/s`,
  async run (bounds, started) {
    const rows = []
    for (const dies of [false, true]) {
      const names = started.add(await startNames())
      const hosts = addresses(2 + 2 * MOVES)
      const port = await portFor(hosts)
      let fleet: Fleet = started.add(await startFleet({ hosts: hosts.slice(0, 1), port }))
      names.set(NAME, 'A', [fleet.setup.hosts[0]!], TTL)
      const gateway = started.add(await startEndpointsGateway({
        gateway: { discovery: { servers: [names.address] } }, routes: [{ upstream: `dns+http://${NAME}:${port}` }]
      }))
      const traffic = new Traffic(gateway.url, PER_SECOND, () => ({}))
      await wait(1_000)
      const served: number[] = []
      for (let move = 1; move <= MOVES; move++) {
        const next = started.add(await startFleet({ hosts: hosts.slice(move, move + 1), port }))
        const [host = ''] = next.setup.hosts
        const moved = epochMs()
        names.set(NAME, 'A', [host], TTL)
        if (dies) await fleet.kill()
        for (const deadline = moved + 15_000; !traffic.sent.some(({ by }) => by === host) && epochMs() < deadline;) await wait(5)
        const first = traffic.sent.find(({ by }) => by === host)
        served.push((first?.ended ?? Infinity) - moved)
        await wait(500)
        // The old server ends after the move. It is missing from answers, so it is gone when it refuses.
        if (!dies) await fleet.terminate()
        await wait(1_500)
        fleet = next
      }
      const endpoints = await gateway.ask('endpoints', {})
      const sent = await traffic.stop()
      const what = dies ? 'the old address is killed at the move' : 'the old address serves until the new one does'
      const latest = Math.round(Math.max(...served))
      bounds.hold(`${what}: the new address serves within ${SERVED_WITHIN} ms`, latest <= SERVED_WITHIN, `${latest} ms`)
      if (!dies) holdNoFailure(bounds, sent, what)
      const stays = endpoints.filter(({ address, state }) => state !== 'gone' && !address.startsWith(`${fleet.setup.hosts[0]}:`))
      bounds.hold(`${what}: the old address is gone`, stays.length === 0, states(endpoints))
      rows.push({
        what,
        'name server': names.server,
        moves: MOVES,
        requests: sent.length,
        failed: sent.filter(isFailed).length,
        'what failed': failuresOf(sent),
        'served after, ms': latest
      })
      await gateway.stop()
      await fleet.stop()
      await names.stop()
    }
    return rows
  }
}
