import type { Bounds } from './bounds.js'
import { commonNoise, latencyOf, noise, ratioTo } from './compare-figures.js'
import type { GatewayName } from './compare-gateways.js'
import type { Measured, WorkloadResult } from './compare-rounds.js'
import { percent, spread } from './compare-tables.js'

const TO_STOCK = 0.65
const TO_OTHERS = 0.7
const TO_FLOOR = 1.35
const P99_TO_FLOOR = 1.2
const THROUGHPUT_TO_FLOOR = 0.95
const TO_ONE = 1.1

/** Those of the bounds whose workloads and peers were measured. */
export function holdBounds (bounds: Bounds, results: readonly WorkloadResult[]): void {
  const found = (name: string): WorkloadResult | undefined => results.find(({ workload }) => workload.name === name)
  const get = found('get')
  if (get !== undefined) holdGet(bounds, get)
  for (const result of results) holdNoneCheaper(bounds, result)
  const large = found('get-256k')
  if (large !== undefined) holdThroughput(bounds, large)
  const closing = found('non-persistent')
  const stock = peerOf(closing, 'stock')
  if (closing !== undefined && stock !== undefined) holdAtMost(bounds, 'backend that closes: <= 1.0 of stock\'s CPU', closing, stock, 1)
  for (const result of results.filter(({ workload }) => workload.besideOne === true)) {
    const one = result.peers.find(({ kind, failed }) => kind === undefined && failed === undefined)
    if (one !== undefined) holdAtMost(bounds, `${result.workload.title}: CPU within ${Math.round((TO_ONE - 1) * 100)} % of one's, noise ${percent(noise(result))}`, result, one, TO_ONE)
  }
  const failures = results.flatMap(({ workload, holdfast: { errors, requests, failed } }) => errors === 0 && failed === undefined ? [] : `${workload.name}: ${failed ?? `${errors} of ${requests}`}`)
  bounds.hold('no request through Holdfast failed', failures.length === 0, failures.join(', '))
}

function holdGet (bounds: Bounds, get: WorkloadResult): void {
  for (const peer of nodePeers(get)) {
    const most = peer.kind?.name === 'stock' ? TO_STOCK : TO_OTHERS
    holdAtMost(bounds, `keep-alive GET: <= ${most} of ${peer.title}'s CPU`, get, peer, most)
  }
  const floor = peerOf(get, 'floor')
  if (floor === undefined) return
  holdAtMost(bounds, `keep-alive GET: <= ${TO_FLOOR} of the floor's CPU`, get, floor, TO_FLOOR)
  if (floor.latencies.length === 0) return
  const ratio = latencyOf(get.holdfast, 'p99') / latencyOf(floor, 'p99')
  bounds.hold(`keep-alive GET: p99 at half of saturation <= ${P99_TO_FLOOR} of the floor's`, ratio <= P99_TO_FLOOR, ratio.toFixed(2))
}

function holdThroughput (bounds: Bounds, large: WorkloadResult): void {
  const floor = peerOf(large, 'floor')
  if (floor === undefined) return
  const ratio = ratioTo(floor, 'perSecond')
  decide(bounds, `GET of 256 kB: requests/s >= ${THROUGHPUT_TO_FLOOR} of the floor's`, large, 1 - ratio.median / THROUGHPUT_TO_FLOOR, spread(ratio))
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

/** @param missedBy as a share of the bound; 0 or less where it is kept. Within the common noise of its workload it is undecided. */
function decide (bounds: Bounds, bound: string, result: WorkloadResult, missedBy: number, saw: string): void {
  const common = commonNoise(result)
  if (missedBy > 0 && missedBy <= common) bounds.undecided(bound, `${saw}, where rounds of one gateway commonly differ by ${Math.round(common * 100)} %`)
  else bounds.hold(bound, missedBy <= 0, saw)
}

/** Those that did the work; what came back with errors was cheap for other reasons. */
function nodePeers ({ peers }: WorkloadResult): Measured[] {
  return peers.filter(({ kind, failed, errors, requests }) => kind?.node === true && failed === undefined && errors < requests / 100)
}

function peerOf (result: WorkloadResult | undefined, name: GatewayName): Measured | undefined {
  return result?.peers.find(({ kind, failed }) => kind?.name === name && failed === undefined)
}
