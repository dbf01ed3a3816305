import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import { startEndpointsGateway } from './endpoints-gateway.js'
import { addresses, startFleet } from './fleet.js'
import { countsOf, holdNoFailure, isFailed } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { epochMs } from './time.js'
import { Client, type Sent } from './traffic.js'

const ENDPOINTS = 5
const CLIENTS = 20
const DRAINS = quick ? 300 : 1_000
const FORGED = quick ? 100 : 1_000

export const sticky: Scenario = {
  name: 'sticky',
  title: `${CLIENTS} clients with a cookie each, while ${ENDPOINTS} endpoints are drained and returned, ${DRAINS} times`,
  async run (bounds, started) {
    const hosts = addresses(ENDPOINTS)
    const fleet = started.add(await startFleet({ hosts }))
    await fleet.behave({ takes: [0, 2] })
    const gateway = started.add(await startEndpointsGateway({
      gateway: { affinity: { cookie: 'place', secret: 'a secret of the measurement' } }, routes: [{ upstream: fleet.urls }]
    }))
    const client = new Client(gateway.url)
    started.add({ stop: () => client.close() })
    const over = new AbortController()
    const bound: Sent[] = []
    const wrong: string[] = []
    const unbound: Sent[] = []
    const firsts = await Promise.all(Array.from({ length: CLIENTS }, async () => await client.send()))
    bounds.hold('each client gets a cookie', firsts.every(({ cookie }) => cookie?.startsWith('place=') === true), JSON.stringify(firsts[0]))
    const clients = firsts.map(async ({ cookie = '', by }) => {
      while (!over.signal.aborted) {
        const sent = await client.send({ headers: { cookie } })
        bound.push(sent)
        if (sent.by !== by || isFailed(sent)) wrong.push(`${sent.status} ${sent.code ?? ''} by ${sent.by} in place of ${by}`)
        else if (sent.cookie !== undefined) wrong.push('a cookie once more')
      }
    })
    const others = (async () => { while (!over.signal.aborted) unbound.push(await client.send()) })()
    const drains: { readonly host: string, readonly from: number, readonly to: number }[] = []
    for (let n = 0; n < DRAINS; n++) {
      const host = hosts[n * 7 % ENDPOINTS]!
      await gateway.call('drain', `${host}:${fleet.setup.port}`)
      const from = epochMs()
      await wait(2)
      drains.push({ host, from, to: epochMs() })
      await gateway.call('undrain', `${host}:${fleet.setup.port}`)
    }
    over.abort()
    await Promise.all([...clients, others])
    const isDrained = ({ by, began, ended }: Sent): boolean =>
      drains.some(({ host, from, to }) => by === host && began > from && ended < to)
    const toDrained = unbound.filter(isDrained)
    bounds.hold('each bound request goes to its endpoint', wrong.length === 0, countsOf(wrong))
    bounds.hold('no other request goes to a drained endpoint', toDrained.length === 0, String(toDrained.length))
    holdNoFailure(bounds, unbound, 'without a cookie')

    const [first] = firsts
    const forgedCookie = `${first!.cookie!.slice(0, -2)}${first!.cookie!.endsWith('AA') ? 'BB' : 'AA'}`
    const forged: Sent[] = []
    for (let n = 0; n < FORGED; n++) forged.push(await client.send({ headers: { cookie: forgedCookie } }))
    const there = forged.filter(({ by }) => by === first!.by).length
    const ignored = forged.every(one => !isFailed(one) && one.cookie !== undefined) && there < FORGED / 2
    bounds.hold('a forged cookie is ignored, and replaced', ignored, `${there} of ${FORGED} went where it says`)
    return [{
      drains: drains.length,
      'bound requests': bound.length,
      wrong: wrong.length,
      'other requests': unbound.length,
      'to a drained one': toDrained.length,
      'forged, there': `${there} of ${FORGED}`
    }]
  }
}
