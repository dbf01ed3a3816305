import { Bounds, quick } from '../instruments/bounds.js'
import { cpuPerRequest, median } from '../instruments/cpu-time.js'
import { type Gateway, startGateway } from '../instruments/gateway.js'
import { load, loadedBy } from '../instruments/load.js'
import { startNodeBackend } from '../../testing/node-backend.js'
import { nginxInstalled, startNginx } from '../../testing/real-nginx.js'
import { printTable } from '../instruments/table.js'

// CPU time of the gateway process per request, Holdfast's against stock @fastify/http-proxy's. Both have the same pool settings and no log,
// and take turns at full load, so that other work of the machine falls on both.

// Many short rounds, since other work of the machine comes and goes within seconds.
const ROUNDS = quick ? 9 : 15
const SECONDS = quick ? 1 : 2
const WARM_UP_SECONDS = quick ? 2 : 3
const MOST = 0.85
const POOL = { connections: 128, pipelining: 1, keepAliveTimeout: 60_000 } as const
// 512 bytes with `{"id":"","pad":""}` around them.
const SIZE = 512 - 19

const realNginx = nginxInstalled()
const backend = realNginx
  ? await startNginx({ size: SIZE, keepAliveRequests: 1_000_000_000, logs: false })
  : await startNodeBackend({ size: SIZE })
// The guard against pressure is on, as by default.
const holdfast = await startGateway({ upstream: backend.url, gateway: { pressure: {} }, proxy: { undiciOptions: POOL } })
const stock = await startGateway({ upstream: backend.url, stock: POOL })

interface Round { user: number, system: number, both: number, perSecond: number }
type Pair = Record<'holdfast' | 'stock', Round>

const bounds = new Bounds()
let errors = 0
for (const gateway of [holdfast, stock]) errors += (await load(gateway.url, WARM_UP_SECONDS)).errors
const rounds: Pair[] = []
for (let n = 0; n < ROUNDS; n++) rounds.push({ holdfast: await round(holdfast), stock: await round(stock) })

printTable(`us of CPU per request; ${ROUNDS} rounds of ${SECONDS} s, load by ${loadedBy}, backend ${realNginx ? 'nginx' : 'node:http'}`,
  (['holdfast', 'stock'] as const).map((name) => {
    const times = of(name, 'both')
    return {
      gateway: name,
      median: median(times).toFixed(1),
      least: Math.min(...times).toFixed(1),
      most: Math.max(...times).toFixed(1),
      user: median(of(name, 'user')).toFixed(1),
      system: median(of(name, 'system')).toFixed(1),
      'requests/s': Math.round(median(of(name, 'perSecond')))
    }
  }))
const ratio = median(of('holdfast', 'both')) / median(of('stock', 'both'))
const ratioOfLeast = Math.min(...of('holdfast', 'both')) / Math.min(...of('stock', 'both'))
console.log(`\nratio of medians: ${ratio.toFixed(3)}; of the least: ${ratioOfLeast.toFixed(3)}; by round: ${rounds.map(({ holdfast, stock }) => (holdfast.both / stock.both).toFixed(2)).join(' ')}`)
bounds.hold('no request failed', errors === 0, String(errors))
bounds.hold(`ratio <= ${MOST}`, ratio <= MOST, ratio.toFixed(3))
bounds.report()
await holdfast.stop()
await stock.stop()
await backend.stop()

async function round (gateway: Gateway): Promise<Round> {
  const { user, system, both, requests, errors: failed } = await cpuPerRequest(gateway, SECONDS)
  errors += failed
  return { user, system, both, perSecond: requests / SECONDS }
}

function of (name: keyof Pair, figure: keyof Round): number[] {
  return rounds.map((pair) => pair[name][figure])
}
