import type { Bounds } from '../instruments/bounds.js'
import { commonNoise, latencyNoise, latencyOf, noise, ratioTo } from './figures.js'
import type { GatewayName } from './gateways.js'
import type { Measured, WorkloadResult } from './rounds.js'
import { percent, spread } from './tables.js'

/** The most that Holdfast's CPU time of a request may be, as a share of another gateway's, by workload. */
interface Most {
  readonly stock: number
  readonly floor: number
  /** The cheapest of the other Node proxies. */
  readonly best: number
}

const MOST: Readonly<Record<string, Most>> = {
  get: { stock: 0.45, floor: 0.95, best: 0.5 },
  'get-16k': { stock: 0.5, floor: 0.8, best: 0.55 },
  'get-256k': { stock: 0.8, floor: 0.7, best: 0.9 },
  'post-1k': { stock: 0.4, floor: 0.9, best: 0.7 },
  'post-64k': { stock: 0.4, floor: 0.9, best: 0.8 },
  tls: { stock: 0.55, floor: 1.05, best: 0.52 },
  'short-lived': { stock: 0.4, floor: 1.05, best: 0.45 },
  'non-persistent': { stock: 0.3, floor: 0.6, best: 0.6 },
  headers: { stock: 0.7, floor: 1, best: 0.8 }
}
const TO_NGINX = 3.6
const TO_ONE = 1.1

/** Holds the bounds whose workloads and peers were measured. */
export function holdBounds (bounds: Bounds, results: readonly WorkloadResult[]): void {
  const found = (name: string): WorkloadResult | undefined => results.find(({ workload }) => workload.name === name)
  for (const result of results) {
    const most = MOST[result.workload.name]
    if (most !== undefined) holdMost(bounds, result, most)
    holdNoneCheaper(bounds, result)
  }
  const get = found('get')
  if (get !== undefined) holdGet(bounds, get)
  const large = found('get-256k')
  if (large !== undefined) holdThroughput(bounds, large)
  for (const result of results.filter(({ workload }) => workload.besideOne === true)) {
    const one = result.peers.find(({ kind, failed }) => kind === undefined && failed === undefined)
    if (one !== undefined) holdAtMost(bounds, `${result.workload.title}: CPU within ${Math.round((TO_ONE - 1) * 100)} % of one's, noise ${percent(noise(result))}`, result, one, TO_ONE)
  }
  const failures = results.flatMap(({ workload, holdfast: { errors, requests, failed } }) => errors === 0 && failed === undefined ? [] : `${workload.name}: ${failed ?? `${errors} of ${requests}`}`)
  bounds.hold('no request through Holdfast failed', failures.length === 0, failures.join(', '))
}

function holdMost (bounds: Bounds, result: WorkloadResult, most: Most): void {
  const { title } = result.workload
  const stock = peerOf(result, 'stock')
  if (stock !== undefined) holdAtMost(bounds, `${title}: <= ${most.stock} of stock's CPU`, result, stock, most.stock)
  const floor = peerOf(result, 'floor')
  if (floor !== undefined) holdAtMost(bounds, `${title}: <= ${most.floor} of the floor's CPU`, result, floor, most.floor)
  // Holdfast has its largest share beside the cheapest peer.
  const [best] = nodePeers(result).filter((peer) => peer !== stock).sort((a, b) => ratioTo(b, 'cpu').median - ratioTo(a, 'cpu').median)
  if (best !== undefined) holdAtMost(bounds, `${title}: <= ${most.best} of the CPU of the best other Node proxy, ${best.title}`, result, best, most.best)
}

function holdGet (bounds: Bounds, get: WorkloadResult): void {
  const nginx = peerOf(get, 'nginx')
  if (nginx !== undefined) holdAtMost(bounds, `keep-alive GET: <= ${TO_NGINX} of nginx's CPU`, get, nginx, TO_NGINX)
  const floor = peerOf(get, 'floor')
  if (floor === undefined || floor.latencies.length === 0) return
  const ratio = latencyOf(get.holdfast, 'p99') / latencyOf(floor, 'p99')
  const bound = 'keep-alive GET: p99 at half of saturation no worse than the floor\'s'
  const noise = Math.max(latencyNoise(get.holdfast, 'p99'), latencyNoise(floor, 'p99'))
  if (ratio > 1 && ratio <= 1 + noise) bounds.undecided(bound, `${ratio.toFixed(2)} of it, where rounds of one gateway differ by ${Math.round(noise * 100)} %`)
  else bounds.hold(bound, ratio <= 1, `${ratio.toFixed(2)} of it`)
}

function holdThroughput (bounds: Bounds, large: WorkloadResult): void {
  for (const peer of nodePeers(large)) {
    const ratio = ratioTo(peer, 'perSecond')
    decide(bounds, `GET of 256 kB: more requests/s than ${peer.title}`, large, 1 - ratio.median, spread(ratio))
  }
}

function holdNoneCheaper (bounds: Bounds, result: WorkloadResult): void {
  const cheaper = nodePeers(result).map((peer) => ({ title: peer.title, ratio: ratioTo(peer, 'cpu') })).filter(({ ratio }) => ratio.median > 1)
  const saw = cheaper.map(({ title, ratio }) => `${title} ${spread(ratio)}`).join(', ')
  decide(bounds, `${result.workload.title}: no Node peer takes less CPU`, result, Math.max(...cheaper.map(({ ratio }) => ratio.median - 1)), saw)
}

function holdAtMost (bounds: Bounds, bound: string, result: WorkloadResult, peer: Measured, most: number): void {
  const ratio = ratioTo(peer, 'cpu')
  decide(bounds, bound, result, ratio.median / most - 1, spread(ratio))
}

/** @param missedBy as a share of the bound; 0 or less if the bound is kept. A miss within the common noise of the workload is undecided. */
function decide (bounds: Bounds, bound: string, result: WorkloadResult, missedBy: number, saw: string): void {
  const common = commonNoise(result)
  if (missedBy > 0 && missedBy <= common) bounds.undecided(bound, `${saw}, where rounds of one gateway commonly differ by ${Math.round(common * 100)} %`)
  else bounds.hold(bound, missedBy <= 0, saw)
}

/** Node peers that did the work: a peer that answers with errors is cheap for another reason. */
function nodePeers ({ peers }: WorkloadResult): Measured[] {
  return peers.filter(({ kind, failed, errors, requests }) => kind?.node === true && failed === undefined && errors < requests / 100)
}

function peerOf (result: WorkloadResult | undefined, name: GatewayName): Measured | undefined {
  return result?.peers.find(({ kind, failed }) => kind?.name === name && failed === undefined)
}
