import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { certificates } from '../../testing/certificates.js'
import { program } from '../../testing/program.js'
import { Bounds, quick } from '../instruments/bounds.js'
import { urlOf } from '../../testing/child-server.js'
import { newConnectionClients } from '../instruments/clients.js'
import { median } from '../instruments/cpu-time.js'
import { type Gateway, startGateway, type Usage } from '../instruments/gateway.js'
import { printTable, type Row } from '../instruments/table.js'

// Measures the memory of an idle connection to a backend: it has had a response, and its client is gone. Bare sockets in a process of their
// own are the comparison. Connections are opened a few at a time, each by a GET: after a burst V8 keeps a large new space and half-empty
// pages for a while, which do not belong to the connections. Such pages and malloc's reserves still come and go by megabytes. So the figure
// is the used heap plus the memory resident outside of it, as the median of steps of 1 000 connections.

const FIRST = 1000
const STEP = 1000
const STEPS = quick ? 5 : 9
const MORE = STEP * STEPS
const AT_ONCE = 4
const MOST_BYTES = 5_500
// V8 may or may not return the memory of a large new space. A small one is at most 1 MB off.
const FLAGS = ['--expose-gc', '--compact-on-every-full-gc', '--max-semi-space-size=1']
const SETTLED_AFTER = 500

type OfHeap = Pick<Usage, 'heapUsed' | 'heapResident'>
interface Memory extends OfHeap { readonly resident: number }
interface Each { readonly bytes: number, readonly row: Row }

// For the children: with one arena, malloc reuses what other threads have freed.
process.env.MALLOC_ARENA_MAX = '1'
const bounds = new Bounds()
const rows: Row[] = []
for (const tls of quick ? [false] : [false, true]) {
  const [bare, own] = [await bareSockets(tls), await throughGateway(tls)]
  rows.push(bare.row, own.row)
  if (tls) continue
  bounds.hold(`an idle connection takes <= ${MOST_BYTES / 1000} kB`, own.bytes <= MOST_BYTES, `${own.bytes} bytes, where a bare socket takes ${bare.bytes}`)
}
printTable(`what an idle connection takes, as the median of ${STEPS} steps of ${STEP}, with ${FIRST} there before`, rows)
bounds.report()

async function throughGateway (tls: boolean): Promise<Each> {
  const backend = await startBackend(tls)
  const connections = FIRST + MORE + AT_ONCE
  const gateway = await startGateway({
    upstream: backend.url,
    proxy: { undiciOptions: { connections, connect: { ca: certificates().ca } }, inspector: false, pool: { maxDials: AT_ONCE } },
    apart: ['GET']
  }, FLAGS)
  const open = async (requests: number): Promise<Memory> => {
    const { errors } = await newConnectionClients({ port: gateway.port, requests, clients: AT_ONCE })
    if (errors > 0) throw new Error(`${errors} requests failed`)
    return await settled(gateway.pid, async () => await gateway.ask('usage'))
  }
  const each = await measure(`Holdfast${tls ? ', TLS' : ''}`, open)
  await holdsIdle(gateway)
  await gateway.stop()
  backend.child.disconnect()
  return each
}

async function bareSockets (tls: boolean): Promise<Each> {
  const backend = await startBackend(tls)
  const { port } = new URL(backend.url)
  const child = fork(join(import.meta.dirname, 'idle-backends-bare.ts'), [port, ...tls ? [certificates().ca] : []], { execArgv: ['--import=tsx', ...FLAGS] })
  await urlOf(child, 'the process of bare sockets')
  const ask = async (more: number): Promise<OfHeap> => {
    child.send({ more })
    return ((await once(child, 'message')) as [OfHeap])[0]
  }
  const each = await measure(`bare \`onread\` sockets${tls ? ', TLS' : ''}`, async more => {
    await ask(more)
    return await settled(child.pid!, async () => await ask(0))
  })
  child.disconnect()
  backend.child.disconnect()
  return each
}

async function measure (what: string, open: (connections: number) => Promise<Memory>): Promise<Each> {
  const points = [await open(FIRST)]
  for (let n = 0; n < STEPS; n++) points.push(await open(STEP))
  const each = (bytes: (memory: Memory) => number): number[] => points.slice(1).map((point, n) => Math.round((bytes(point) - bytes(points[n]!)) / STEP))
  const all = each(({ heapUsed, heapResident, resident }) => heapUsed + resident - heapResident)
  const bytes = median(all)
  return {
    bytes,
    row: {
      what,
      bytes,
      'by steps': all.join(' '),
      'resident, by steps': each(({ resident }) => resident).join(' '),
      'of the heap': median(each(({ heapUsed }) => heapUsed)),
      'resident before, MB': megabytes(points[0]!.resident),
      'after, MB': megabytes(points.at(-1)!.resident)
    }
  }
}

/** Measures after a garbage collection, when V8 has had time to return memory. */
async function settled (pid: number, collect: () => Promise<OfHeap>): Promise<Memory> {
  await collect()
  await wait(SETTLED_AFTER)
  const { heapUsed, heapResident } = await collect()
  return { heapUsed, heapResident, resident: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024 }
}

async function holdsIdle (gateway: Gateway): Promise<void> {
  const { idle } = (await gateway.snapshot()).connections
  bounds.hold(`${FIRST + MORE} connections stay idle`, idle === FIRST + MORE, String(idle))
}

async function startBackend (tls: boolean): Promise<{ url: string, child: ChildProcess }> {
  // Node's own idle timeout is 5 s.
  const setup = { keepAliveMs: 600_000, ...tls ? { tls: certificates().server } : {} }
  const child = spawn(process.execPath, [...program(join(import.meta.dirname, '../../testing/node-backend-process')), JSON.stringify(setup)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return { child, url: await urlOf(child, 'the backend') }
}

function megabytes (bytes: number): number {
  return Math.round(bytes / 1e5) / 10
}
