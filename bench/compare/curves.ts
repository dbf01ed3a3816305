import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quick } from '../instruments/bounds.js'
import { cpuOf, ratioTo } from './figures.js'
import { PEERS } from './gateways.js'
import { measure, type Plan } from './rounds.js'
import { spread } from './tables.js'
import { type Curve, lineCharts } from '../instruments/line-charts.js'
import { nginxInstalled } from '../../testing/real-nginx.js'
import { printTable } from '../instruments/table.js'
import { directory, type Workload, WORKLOADS } from './workloads.js'

// How the cost of a request grows with targets, routes, clients and the size of the body, for Holdfast and the floor in turns.
// `--svg` draws it for docs/performance.md.

const PLAN: Plan = { rounds: quick ? 3 : 5, seconds: quick ? 0.4 : 0.8, warmUp: { requests: 10_000, seconds: 2 }, latencyRounds: 0, latencySeconds: 0 }
const KILOBYTE = 1024

if (!nginxInstalled()) {
  console.log('skipped: nginx, the backend, is not installed')
} else {
  const curves: Curve[] = []
  curves.push(await curve('targets', [1, 10, 100], targets))
  curves.push(await curve('routes', [1, 100, 1000], routes))
  curves.push(await curve('clients', [16, 64, 256, 1000, 2000], clients))
  curves.push(await curve('kB of body', [0.5, 4, 16, 64, 256], body))
  if (process.argv.includes('--svg')) writeFileSync(join(import.meta.dirname, '../..', 'docs', 'images', 'curves.svg'), lineCharts('CPU time of a keep-alive GET, in us', curves))
}

async function curve (title: string, points: number[], workloadOf: (n: number) => Workload): Promise<Curve> {
  const holdfast: number[] = []
  const floor: number[] = []
  const rows = []
  for (const n of points) {
    const { peers, holdfast: own } = await measure(workloadOf(n), PEERS.filter(({ name }) => name === 'floor'), PLAN)
    const [measured] = peers
    if (measured === undefined || measured.failed !== undefined) throw new Error(`the floor fails with ${n} ${title}: ${measured?.failed}`)
    holdfast.push(cpuOf(own).median)
    floor.push(cpuOf(measured).median)
    rows.push({ [title]: n, 'Holdfast, us': holdfast.at(-1)!.toFixed(1), 'floor, us': floor.at(-1)!.toFixed(1), 'Holdfast to it': spread(ratioTo(measured, 'cpu')), errors: own.errors })
  }
  printTable(`CPU time of a keep-alive GET by ${title}`, rows)
  return { title, points, lines: [{ title: 'Holdfast', values: holdfast }, { title: 'floor', values: floor }] }
}

function found (name: string): Workload {
  return WORKLOADS.find((workload) => workload.name === name)!
}

function targets (n: number): Workload {
  const workload = found('targets')
  return { ...workload, name: `targets-${n}`, backend: { ...workload.backend, ports: n }, paths: workload.paths.slice(0, n), besideOne: false }
}

function routes (n: number): Workload {
  const workload = found('routes')
  return { ...workload, name: `routes-${n}`, routes: (backend) => workload.routes!(backend).slice(0, n), paths: workload.paths.slice(0, n), besideOne: false }
}

function clients (n: number): Workload {
  return { ...found('get'), name: `clients-${n}`, clients: n, seconds: n > 500 ? 1.5 : 0 }
}

function body (kilobytes: number): Workload {
  const workload = found('get')
  const file = `body-${kilobytes}k`
  writeFileSync(join(directory, file), 'x'.repeat(kilobytes * KILOBYTE))
  const lines = `${workload.backend.lines ?? ''} location = /${file} { alias ${directory}/${file}; }`
  return { ...workload, name: file, backend: { ...workload.backend, lines }, paths: [`/${file}`] }
}
