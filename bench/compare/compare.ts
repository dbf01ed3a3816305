import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Bounds, quick } from '../instruments/bounds.js'
import { holdBounds } from './bounds.js'
import { noise, undisturbed } from './figures.js'
import { type GatewayKind, HOLDFAST, PEERS } from './gateways.js'
import { measure, type Plan, type WorkloadResult } from './rounds.js'
import { percent, print, summaryRows, workloadRows } from './tables.js'
import { loadedBy } from '../instruments/load.js'
import { nginxInstalled } from '../../testing/real-nginx.js'
import { type Workload, WORKLOADS } from './workloads.js'

// Holdfast, other gateways and the floor (floor.ts), on one machine, in turns.

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    markdown: { type: 'boolean', default: false },
    workloads: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string' }
  }
})
// With an odd number of rounds the median is a measured figure.
const FULL: Plan = { rounds: 5, seconds: 0.7, warmUp: { requests: 20_000, seconds: 3 }, latencyRounds: 1, latencySeconds: 1 }
const QUICK: Plan = { rounds: 3, seconds: 0.4, warmUp: { requests: 10_000, seconds: 2 }, latencyRounds: 0, latencySeconds: 1 }
// The first workload: most bounds are about it.
const FIRST: Partial<Plan> = quick ? { latencyRounds: 1 } : { rounds: 7, latencyRounds: 3 }
// `--quick` measures all peers with the first workload, and these with the others.
const QUICK_PEERS = ['stock', 'fast-proxy-lite', 'floor']
const LOGGING_PEERS = ['stock']

if (process.platform !== 'linux') skip('the kernel\'s account of CPU time, which only Linux gives')
if (!nginxInstalled()) skip('nginx, the backend')
if (loadedBy !== 'wrk') skip('wrk, which makes the load')

const markdown = values.markdown
const workloads = chosen(WORKLOADS, values.workloads)
const kinds: GatewayKind[] = []
const versions = [`Node ${process.version}`, `Holdfast ${HOLDFAST.version()}`]
for (const kind of chosen(PEERS, values.peers)) {
  const version = kind.version()
  if (version === undefined) {
    console.log(`skipped, not installed: ${kind.title}`)
  } else {
    kinds.push(kind)
    versions.push(`${kind.title} ${version}`)
  }
}
console.log(`${versions.join(', ')}; ${availableParallelism()} cores, ${cpus()[0]?.model}`)

const results: WorkloadResult[] = []
for (const workload of workloads) {
  if (workload.openFiles !== undefined && openFiles() < workload.openFiles) {
    console.log(`skipped, for it takes ${workload.openFiles} open files: ${workload.title}`)
    continue
  }
  if (quick && values.workloads === undefined && workload.fullOnly === true) {
    console.log(`left out of the quick form: ${workload.title}`)
    continue
  }
  const result = await measure(workload, peersFor(workload), planFor(workload))
  results.push(result)
  print(`${workload.title}; noise of neighbouring rounds ${percent(noise(result))}, ${undisturbed(result)} rounds undisturbed`, workloadRows(result), markdown)
}
print('CPU time of a request, Holdfast to each; below 1 Holdfast takes less', summaryRows(results, kinds), markdown)

const bounds = new Bounds()
holdBounds(bounds, results)
bounds.report()

function peersFor ({ log, name }: Workload): GatewayKind[] {
  if (log === true) return kinds.filter((kind) => LOGGING_PEERS.includes(kind.name))
  const all = !quick || values.peers !== undefined || name === WORKLOADS[0]?.name
  return all ? kinds : kinds.filter((kind) => QUICK_PEERS.includes(kind.name))
}

function planFor ({ name }: Workload): Plan {
  const plan = { ...quick ? QUICK : FULL, ...name === WORKLOADS[0]?.name ? FIRST : {} }
  return values.rounds === undefined ? plan : { ...plan, rounds: Number(values.rounds) }
}

function chosen<Named extends { name: string }> (all: readonly Named[], names: string | undefined): readonly Named[] {
  if (names === undefined) return all
  return names.split(',').map((name) => {
    const found = all.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no ${name}; there are ${all.map((one) => one.name).join(', ')}`)
    return found
  })
}

/** How many files a process may open. Node raises its own limit as far as it can, and its children inherit it. */
function openFiles (): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  return limit === 'unlimited' ? Infinity : Number(limit)
}

function skip (what: string): never {
  console.log(`skipped, not there: ${what}`)
  process.exit(0)
}
