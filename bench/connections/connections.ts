import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Certificate, certificates } from '../../testing/certificates.js'
import { barChart } from '../instruments/bar-chart.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { median } from '../instruments/cpu-time.js'
import { startGateway } from '../instruments/gateway.js'
import { startNodeBackend } from '../../testing/node-backend.js'
import { nginxInstalled, startNginx } from '../../testing/real-nginx.js'
import { SteadyClients, type SteadyResult } from './steady-clients.js'
import { MOST_STOLEN, machineTime, stolenSince } from '../instruments/stolen-time.js'
import { listed, printTable } from '../instruments/table.js'

// What client connections cost a backend, and how much of that remains behind Holdfast. It measures the CPU time of the backend's process
// per request, as the kernel counts it, for three kinds of load: clients that keep their connections, clients that come once, and clients
// that come once through Holdfast. All three send at the same rate, in turns, so that other work of the machine falls on each of them.
// Ratios compare loads that ran next to each other, and a bound is broken if it is missed by more than their noise. Over loopback the
// client's process does, and is charged for, part of the backend's work for a TCP handshake. The calmest half of the rounds counts, and
// more rounds if other virtual machines took little of the hardware.

// Many short rounds, since other work of the machine comes and goes within seconds.
const ROUNDS = quick ? 5 : 12
const SECONDS = quick ? 0.4 : 1
const WARM_UP_SECONDS = quick ? 0.5 : 1.2
const WARM_UP_RATE = 1500
// Low enough for two cores to be partly idle with the clients, the gateway and its handshakes on both sides.
const RATE = 400
const RATE_WITH_TLS = 120
const KEEP_ALIVE_CLIENTS = 32
const MOST_CONNECTIONS = 128
const MOST_SHARE = 0.25
const MOST_RATIO = 1.05
// 512 bytes with `{"id":"","pad":""}` around them.
const SIZE = 512 - 19

const WAYS = ['keepAlive', 'comeOnce', 'throughHoldfast'] as const
type Way = typeof WAYS[number]
const NAMES: Record<Way, string> = {
  keepAlive: 'keep-alive clients', comeOnce: 'short-lived clients', throughHoldfast: 'the same, through Holdfast'
}

interface Backend {
  url: string
  pid: number
  counts (): Promise<{ accepted: number, handshakes: number }>
  stop (): Promise<void>
}

interface Figures extends SteadyResult { us: number, stolen: number, gatewayUs: number, accepted: number, handshakes: number }
type Start = (secure?: Certificate) => Promise<Backend>
type Round = Record<Way, Figures>

const { ca, server: tls } = certificates()
const bounds = new Bounds()
const panels: Parameters<typeof barChart>[0]['panels'] = []
const clients = new SteadyClients()
if (nginxInstalled()) {
  await measure('nginx', startRealNginx)
  await measure('nginx, TLS', startRealNginx, tls)
} else console.log('skipped, nginx is not installed: nginx; nginx, TLS')
await measure('Node', startRealNode)
await measure('Node, TLS', startRealNode, tls)
await clients.stop()
bounds.report()
if (process.argv.includes('--svg')) writeChart()

async function measure (name: string, start: Start, secure?: Certificate): Promise<void> {
  const backend = await start(secure)
  const rate = secure === undefined ? RATE : RATE_WITH_TLS
  const gateway = await startGateway({ upstream: backend.url, https: secure, proxy: { undiciOptions: { connections: MOST_CONNECTIONS, connect: { ca } } } })
  // After the warm-up V8 has compiled the code that runs.
  for (const url of [backend.url, gateway.url]) await clients.load({ url, ca, rate: WARM_UP_RATE, seconds: WARM_UP_SECONDS, seed: 0, keepAlive: KEEP_ALIVE_CLIENTS, pids: [] })
  await turn(WARM_UP_SECONDS, 0)
  const rounds: Round[] = []
  for (let n = 1; n <= ROUNDS; n++) rounds.push(await turn(SECONDS, n))
  await gateway.stop()
  await backend.stop()
  report(name, rounds, rate, secure !== undefined)

  async function turn (seconds: number, seed: number): Promise<Round> {
    // The load with kept connections runs next to both others.
    const comeOnce = await load(backend.url)
    const keepAlive = await load(backend.url, KEEP_ALIVE_CLIENTS)
    return { comeOnce, keepAlive, throughHoldfast: await load(gateway.url) }

    async function load (url: string, keepAlive?: number): Promise<Figures> {
      const before = await backend.counts()
      const time = machineTime()
      const result = await clients.load({ url, ca, rate, seconds, seed, keepAlive, pids: [backend.pid, gateway.pid] })
      const stolen = stolenSince(time)
      const after = await backend.counts()
      const [us = NaN, gatewayUs = NaN] = result.cpu.map((cpu) => cpu / result.requests)
      return { ...result, us, stolen, gatewayUs, accepted: after.accepted - before.accepted, handshakes: after.handshakes - before.handshakes }
    }
  }
}

function report (name: string, rounds: Round[], rate: number, secure: boolean): void {
  const calm = calmest(rounds)
  const of = (way: Way, figure: (of: Figures) => number): number[] => calm.map((round) => figure(round[way]))
  const total = (way: Way, figure: (of: Figures) => number): number => rounds.reduce((sum, round) => sum + figure(round[way]), 0)
  const ratios = (way: Way, to: Way): number[] => calm.map((round) => round[way].us / round[to].us)
  printTable(`${name}: ${calm.length} of ${ROUNDS} rounds of ${SECONDS} s at ${rate} requests/s; us of the backend's CPU per request`, WAYS.map((way) => {
    const us = of(way, (it) => it.us)
    return {
      clients: NAMES[way],
      median: median(us).toFixed(1),
      least: Math.min(...us).toFixed(1),
      most: Math.max(...us).toFixed(1),
      requests: total(way, (it) => it.requests),
      connections: total(way, (it) => it.accepted),
      ...(secure && { handshakes: total(way, (it) => it.handshakes) }),
      'p50 ms': median(of(way, (it) => it.p50)).toFixed(2),
      'p99 ms': median(of(way, (it) => it.p99)).toFixed(2),
      "gateway's us": way === 'throughHoldfast' ? median(of(way, (it) => it.gatewayUs)).toFixed(0) : '-'
    }
  }))
  const through = ratios('throughHoldfast', 'keepAlive')
  console.log(`
connections add to a request's CPU:             ${percent(ratios('comeOnce', 'keepAlive'), (ratio) => ratio - 1)}
through Holdfast, against keep-alive clients:   ${percent(through, (ratio) => ratio - 1)}
Holdfast saves, against the short-lived direct: ${percent(ratios('throughHoldfast', 'comeOnce'), (ratio) => 1 - ratio)}`)
  const wrong = WAYS.flatMap((way) => rounds.map((round) => listed(round[way].wrong))).filter((text) => text !== '-')
  bounds.hold(`${name}: no request failed`, wrong.length === 0, wrong.join('; '))
  const [ratio, noise] = [median(through), standardError(through)]
  bounds.hold(`${name}: through Holdfast <= ${MOST_RATIO} of what keep-alive clients cost, give or take ${noise.toFixed(2)}`, ratio - noise <= MOST_RATIO, ratio.toFixed(3))
  const most = Math.max(...rounds.map((round) => round.throughHoldfast.accepted))
  bounds.hold(`${name}: through Holdfast <= ${MOST_CONNECTIONS} connections a round`, most <= MOST_CONNECTIONS, String(most))
  // Few rounds over TLS have enough requests to break the bound above.
  const share = total('throughHoldfast', (it) => it.accepted) / total('throughHoldfast', (it) => it.requests)
  bounds.hold(`${name}: through Holdfast <= ${MOST_SHARE} connections a request`, share <= MOST_SHARE, share.toFixed(3))
  panels.push({ name, bars: WAYS.map((way) => ({ label: NAMES[way], value: median(of(way, (it) => it.us)) })) })
}

/** The median of the rounds, and their range. */
function percent (ratios: number[], of: (ratio: number) => number): string {
  const [middle = NaN, ...ends] = [median(ratios), Math.min(...ratios), Math.max(...ratios)].map((ratio) => of(ratio) * 100)
  return `${middle.toFixed(1)} % (${ends.sort((a, b) => a - b).map((end) => end.toFixed(1)).join(' to ')} by round)`
}

/** The rounds in which other virtual machines took little of the hardware; at least half of all rounds. */
function calmest (rounds: Round[]): Round[] {
  const stolen = (round: Round): number => Math.max(...WAYS.map((way) => round[way].stolen))
  const sorted = [...rounds].sort((a, b) => stolen(a) - stolen(b))
  return sorted.filter((round, n) => n < rounds.length / 2 || stolen(round) <= MOST_STOLEN)
}

/** The noise of a median, from the quartiles: single rounds on a busy machine weigh little. */
function standardError (figures: number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const quartile = (n: number): number => sorted[Math.round((sorted.length - 1) * n / 4)] ?? NaN
  // The factor of a normal distribution.
  return 1.25 * (quartile(3) - quartile(1)) / 1.35 / Math.sqrt(sorted.length)
}

function writeChart (): void {
  writeFileSync(join(import.meta.dirname, '../..', 'docs', 'images', 'connections.svg'), barChart({
    title: 'CPU of the backend per request: what client connections cost it',
    subtitle: `512-byte answers to ${RATE} requests/s, over TLS ${RATE_WITH_TLS}; medians; each backend has a scale of its own`,
    description: panels.map(({ name, bars }) => `${name}: ${bars.map(({ label, value }) => `${label} ${Math.round(value)} us`).join(', ')}.`).join(' '),
    unit: 'us',
    panels
  }))
}

async function startRealNginx (secure?: Certificate): Promise<Backend> {
  // nginx's defaults, except for the TLS version, which is the default of newer ones.
  const nginx = await startNginx({ size: SIZE, logs: false, tls: secure, lines: secure === undefined ? '' : 'ssl_protocols TLSv1.2 TLSv1.3;' })
  return {
    url: nginx.url,
    pid: nginx.pid,
    counts: async () => {
      const { accepted } = await nginx.status()
      return { accepted, handshakes: accepted }
    },
    stop: () => nginx.stop()
  }
}

async function startRealNode (secure?: Certificate): Promise<Backend> {
  return await startNodeBackend({ size: SIZE, tls: secure })
}
