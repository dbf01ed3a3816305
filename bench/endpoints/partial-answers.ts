import { setTimeout as wait } from 'node:timers/promises'
import { startDnsServer } from '../../testing/dns-server.js'
import { quick } from '../instruments/bounds.js'
import { startEndpointsGateway, states } from './endpoints-gateway.js'
import { addresses, startFleet } from './fleet.js'
import { holdNoFailure } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { Traffic } from './traffic.js'

const NAME = 'users.test'
const ADDRESSES = 9
const ANSWERED = 3
const PER_SECOND = 200
const SECONDS = quick ? 6 : 120
const HOLD = quick ? 2_500 : 30_000

export const partialAnswers: Scenario = {
  name: 'partial-answers',
  title: `answers have the next ${ANSWERED} of ${ADDRESSES} addresses; TTL 1 s, discovery.hold ${HOLD} ms; ${PER_SECOND} GETs/s`,
  async run (bounds, started) {
    const hosts = addresses(ADDRESSES)
    const fleet = started.add(await startFleet({ hosts }))
    const dns = await startDnsServer()
    started.add({ stop: () => dns.close() })
    let turn = 0
    dns.script(NAME, 'A', () => {
      const from = turn++ % (ADDRESSES / ANSWERED) * ANSWERED
      return { records: hosts.slice(from, from + ANSWERED).map(data => ({ name: NAME, type: 'A', data, ttl: 1 })) }
    })
    const gateway = started.add(await startEndpointsGateway({
      gateway: { discovery: { servers: [dns.address], hold: HOLD, refresh: 1_000 } },
      routes: [{ upstream: `dns+http://${NAME}:${fleet.setup.port}` }]
    }))
    await gateway.until(endpoints => endpoints.length === ADDRESSES)
    const traffic = new Traffic(gateway.url, PER_SECOND, () => ({}))
    await wait(SECONDS * 1_000)
    const endpoints = await gateway.ask('endpoints', {})
    const sent = await traffic.stop()
    const removed = (await gateway.ask('changes', {})).filter(({ to }) => to === 'leaving' || to === 'gone')
    const served = hosts.map(host => sent.filter(({ by }) => by === host).length / sent.length)
    bounds.hold(`all ${ADDRESSES} stay`, removed.length === 0 && endpoints.every(({ state }) => state === 'up'), states(endpoints))
    bounds.hold('each of them serves', Math.min(...served) > 0.5 / ADDRESSES, served.map(share => share.toFixed(3)).join(', '))
    holdNoFailure(bounds, sent)
    return [{
      questions: dns.asked.length,
      endpoints: endpoints.length,
      removed: removed.length,
      requests: sent.length,
      'least share': Math.min(...served).toFixed(3)
    }]
  }
}
