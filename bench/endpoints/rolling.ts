import { setTimeout as wait } from 'node:timers/promises'
import { quick } from '../instruments/bounds.js'
import { listed } from '../instruments/table.js'
import { startEndpointsGateway } from './endpoints-gateway.js'
import { addresses, portFor, startFleet } from './fleet.js'
import { countsOf, failuresOf, isFailed } from './outcomes.js'
import type { Scenario } from './scenario.js'
import { RATE } from './stage.js'
import { type Sent, Traffic } from './traffic.js'

const SERVERS = 4
const ROUNDS = quick ? 1 : 3
// How late discovery learns of a server's end, in ms.
const LATE = 2_000

export const rolling: Scenario = {
  name: 'rolling',
  title: `${SERVERS} servers are replaced one by one without any preStop, their addresses removed ${LATE} ms late, ${RATE} requests/s`,
  async run (bounds, started) {
    const hosts = addresses(SERVERS * (ROUNDS + 1))
    const port = await portFor(hosts)
    // Two kinds of servers: those that say `Connection: close` while they stop, and those that do not.
    const start = async (n: number) => started.add(await startFleet({ hosts: [hosts[n]!], port, announces: n % 2 === 0 }))
    const serving = await Promise.all(Array.from({ length: SERVERS }, async (_, n) => await start(n)))
    const list = (): string[] => serving.flatMap(({ urls }) => urls)
    const gateway = started.add(await startEndpointsGateway({ routes: [{ upstream: { pushed: list() } }] }))
    const traffic = new Traffic(gateway.url, RATE)
    await wait(1_000)
    const posts = new Map<string, number>()
    const slowEnds: string[] = []
    for (let n = SERVERS; n < hosts.length; n++) {
      const next = await start(n)
      serving.push(next)
      await gateway.ask('push', { list: list() })
      await wait(300)
      const old = serving.shift()!
      const ended = old.terminate().then(() => true)
      await wait(LATE)
      await gateway.ask('push', { list: list() })
      // Its last connections are closed when its address is gone.
      if (!await Promise.race([ended, wait(5_000, false)])) slowEnds.push(old.setup.hosts[0]!)
      for (const [id, times] of old.executed()) posts.set(id, (posts.get(id) ?? 0) + times)
    }
    await wait(500)
    const sent = await traffic.stop()
    for (const fleet of serving) for (const [id, times] of fleet.executed()) posts.set(id, (posts.get(id) ?? 0) + times)
    const failed = (method: string): Sent[] => sent.filter(one => one.method === method && isFailed(one))
    const twice = [...posts.values()].filter(times => times > 1).length
    const changes = await gateway.ask('changes', {})
    const { totals } = await gateway.ask('snapshot', {})
    bounds.hold('no GET fails', failed('GET').length === 0, failuresOf(failed('GET')))
    bounds.hold('no POST is executed twice', twice === 0, String(twice))
    bounds.hold('each old server has ended 5 s after its address was removed', slowEnds.length === 0, slowEnds.join(', '))
    const ejected = changes.filter(({ to, address }) => to === 'ejected' && serving.some(({ urls }) => urls[0]!.endsWith(address)))
    const told = ejected.map(({ address, cause }) => `${address}: ${cause}`)
    bounds.hold('no server that serves is ejected', ejected.length === 0, told.join('; '))
    return [{
      replaced: SERVERS * ROUNDS,
      requests: sent.length,
      'GETs failed': failed('GET').length,
      'POSTs failed': failed('POST').length,
      'what failed': failuresOf(sent),
      retries: listed(totals.retries),
      'taken out': countsOf(changes.filter(({ to }) => to === 'leaving' || to === 'ejected').map(({ to, cause }) => `${to} (${cause})`))
    }]
  }
}
