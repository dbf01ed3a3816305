import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPeer } from './gateways.js'
import { usageOf } from '../instruments/process-usage.js'
import { nginxInstalled, startNginx } from '../../testing/real-nginx.js'
import { printTable } from '../instruments/table.js'
import { WORKLOADS } from './workloads.js'
import { wrk } from '../instruments/wrk.js'

// Where the CPU time of a keep-alive GET goes, in Holdfast and in the floor: the samples of V8's profiler, summed up by package. Time in
// the kernel counts for the code that made the call.

const SECONDS = 6
const INTERVAL = 250
// Node's own code, which both have.
const NATIVE = '(in C++ and the kernel)'

interface Profile {
  readonly startTime: number
  readonly nodes: ReadonlyArray<{ readonly id: number, readonly callFrame: { readonly functionName: string, readonly url: string } }>
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const [get] = WORKLOADS
if (!nginxInstalled() || get === undefined) {
  console.log('skipped: nginx, the backend, is not installed')
} else {
  const holdfast = await profiled('holdfast')
  const floor = await profiled('floor')
  const names = [...new Set([...holdfast.parts.keys(), ...floor.parts.keys()])]
  const rows = names.map((name) => ({ name, own: holdfast.parts.get(name) ?? 0, floors: floor.parts.get(name) ?? 0 }))
  rows.sort((a, b) => b.own - b.floors - (a.own - a.floors))
  const figure = (us: number): string => us.toFixed(2)
  printTable(`us of CPU time of a keep-alive GET, by code; profiled every ${INTERVAL} us for ${SECONDS} s`, [
    ...rows.map(({ name, own, floors }) => ({ code: name, Holdfast: figure(own), floor: figure(floors), difference: figure(own - floors) })),
    { code: 'all', Holdfast: figure(holdfast.cpu), floor: figure(floor.cpu), difference: figure(holdfast.cpu - floor.cpu) }
  ])
}

/** The CPU time of a request, in us, and its parts by package. */
async function profiled (name: 'holdfast' | 'floor'): Promise<{ cpu: number, parts: Map<string, number> }> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-profile-'))
  const backend = await startNginx(get!.backend)
  const gateway = await startPeer(name, { routes: [{ prefix: '', upstream: backend.url }] }, ['--cpu-prof', `--cpu-prof-interval=${INTERVAL}`, `--cpu-prof-dir=${directory}`])
  await wrk(gateway.url, { seconds: 3 })
  const began = now()
  const before = usageOf(gateway.pid).cpu
  const { requests } = await wrk(gateway.url, { seconds: SECONDS })
  const cpu = (usageOf(gateway.pid).cpu - before) / requests
  const ended = now()
  await gateway.stop()
  await backend.stop()
  const [file = ''] = readdirSync(directory)
  const times = selfTimes(JSON.parse(readFileSync(join(directory, file), 'utf8')) as Profile, began, ended)
  rmSync(directory, { recursive: true })
  const all = [...times.values()].reduce((sum, us) => sum + us, 0)
  return { cpu, parts: new Map([...times].map(([part, us]) => [part, us / all * cpu])) }
}

/** The profiler's clock, in us. */
function now (): number {
  return Number(process.hrtime.bigint() / 1000n)
}

function selfTimes ({ startTime, nodes, samples, timeDeltas }: Profile, from: number, to: number): Map<string, number> {
  const parts = new Map(nodes.map(({ id, callFrame }) => [id, partOf(callFrame)]))
  const times = new Map<string, number>()
  let at = startTime
  for (const [n, id] of samples.entries()) {
    const us = timeDeltas[n] ?? 0
    at += us
    const part = parts.get(id)
    if (at >= from && at <= to && part !== undefined) times.set(part, (times.get(part) ?? 0) + us)
  }
  return times
}

/** The package that a function belongs to; undefined for idle time. */
function partOf ({ functionName, url }: { functionName: string, url: string }): string | undefined {
  if (functionName === '(idle)' || functionName === '(root)') return undefined
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (url.startsWith('wasm:')) return 'undici, its parser (wasm)'
  if (url.startsWith('node:')) return /http/.test(url) ? 'node:http' : /stream|net$|events|buffer/.test(url) ? 'node: sockets, streams, events' : 'node: timers, ticks and others'
  const own = /\/(?:src|plugins)\/([\w-]+)(?:\/([\w-]+))?[^/]*$/.exec(url)
  if (own !== null && url.includes('/.cache/bench-')) return `Holdfast: ${url.includes('/plugins/') ? 'plugins' : own[1]}`
  const [, owner] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(url) ?? []
  if (owner === 'undici') return 'undici'
  if (owner === '.cache' || url.endsWith('floor.js')) return 'the floor\'s own'
  return owner === undefined ? NATIVE : 'Fastify and its plugins'
}
