import { Socket } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import * as v8 from 'node:v8'
import type { Dispatcher } from 'undici'
import type * as Options from '../../src/options/target-options.js'
import type * as Registry from '../../src/target/registry.js'
import type { Target } from '../../src/target/target.js'

// The child process: targets without an app, and requests to them by `Target.dispatch`. Counts what it has in memory when it has done what it was
// told. Arguments: the compiled package's entry, and the backend's URL.

/** What a request is when it ends. */
export const PHASES = ['requests', 'connections', 'queued', 'dialling', 'before the head', 'in the head', 'in the body', 'paused', 'uploading', 'held up in an upload'] as const
export type Phase = typeof PHASES[number]
export interface Order { readonly phase: Phase, readonly times: number }
/** Sizes in bytes. */
export interface Left {
  readonly heap: number
  /** ArrayBuffers, and what else lies outside of the heap. */
  readonly external: number
  readonly resident: number
  /** Objects of node:net's Socket that are still there, when all connections have been evicted, without those that were there at first. */
  readonly sockets: number
  /** Connections that are active, connecting, or waited for. */
  readonly busy: number
  /** What Node has warned of so far: listeners that pile up, for one. */
  readonly warnings: number
}

const CONCURRENT = 32
const PIECE = Buffer.alloc(65_536, 'x')
const ABORTED = new Error('aborted')
// A dial that is not wanted any more still ends, and its connection lies in the pool.
const QUIET = 200

// Since Node 20.13; its types are older.
const { queryObjects } = v8 as unknown as { queryObjects (constructor: typeof Socket, options: { format: 'count' }): number }
let warnings = 0
// Of `queryObjects` it warns too.
process.on('warning', ({ name }) => { if (name !== 'ExperimentalWarning') warnings++ })

const ownSockets = queryObjects(Socket, { format: 'count' })

const [, , entry = '', url = ''] = process.argv
const { TargetRegistry } = await import(pathToFileURL(join(entry, '../target/registry.js')).href) as typeof Registry
const { resolveTargetOptions } = await import(pathToFileURL(join(entry, '../options/target-options.js')).href) as typeof Options
const registry = new TargetRegistry({ maxDynamicTargets: 1, onObserverError: error => { throw error } })
const target = declare('wide', CONCURRENT)
// A target whose one connection is taken, so that all others wait in its queue.
const narrow = declare('narrow', 1)

process.on('message', ({ phase, times }: Order) => {
  run(phase, times).then(left => process.send?.(left), (error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.once('disconnect', () => process.exit())
process.send?.({ url: 'ready' })

function declare (name: string, connections: number): Target {
  const options = resolveTargetOptions({}, { undiciOptions: { connections }, inspector: false })
  return registry.declare({ name, origin: new URL(url), options, prefix: '' })
}

async function run (phase: Phase, times: number): Promise<Left> {
  let left = times
  const holding = phase === 'queued' ? hold() : undefined
  await Promise.all(Array.from({ length: CONCURRENT }, async () => {
    while (left-- > 0) await one(phase)
  }))
  await holding?.()
  await wait(QUIET)
  // Idle connections are in memory for good reason.
  for (const one of registry) one.evict()
  await wait(QUIET)
  return count()
}

async function one (phase: Phase): Promise<void> {
  switch (phase) {
    case 'requests': return await ask(target, '/', undefined)
    case 'connections': return await ask(target, '/close', undefined)
    case 'queued': return await ask(narrow, '/', 'turn')
    case 'dialling':
      // Nothing idle: what was dialled for one that left would be taken, and no dial be under way.
      target.evict()
      return await ask(target, '/no-head', 'at once')
    case 'before the head': return await ask(target, '/no-head', 'sent')
    case 'in the head': return await ask(target, '/in-head', 'sent')
    case 'in the body': return await ask(target, '/in-body', 'data')
    case 'paused': return await ask(target, '/large', 'paused')
    case 'uploading': return await ask(target, '/no-head', 'body sent', () => piecesOf(1))
    case 'held up in an upload': return await ask(target, '/stuck', 'body sent', () => piecesOf(Infinity))
  }
}

type Abort = 'at once' | 'turn' | 'sent' | 'data' | 'paused' | 'body sent'

/** One request, aborted where that is said. Rejects where it fails otherwise. */
async function ask (at: Target, path: string, abort: Abort | undefined, body?: () => Readable): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let giveUp: (error: Error) => void
    let paused = false
    const leave = (): void => giveUp(ABORTED)
    // The bytes of an answer, or the connection's end, come some turns after the request is written.
    const soon = (): unknown => setTimeout(leave, 2)
    // In the older dialect, which alone is told that a request is sent.
    const handler: Dispatcher.DispatchHandler & { onRequestSent (): void } = {
      onConnect (abandon) { giveUp = abandon as typeof giveUp },
      onRequestSent () { if (abort === 'sent') soon() },
      onBodySent () { if (abort === 'body sent') soon() },
      onHeaders () { return true },
      onData () {
        if (abort === 'data') leave()
        if (abort !== 'paused') return true
        if (!paused) soon()
        paused = true
        return false
      },
      onComplete () { abort === undefined ? resolve() : reject(new Error(`${path} was answered`)) },
      onError (error) { error === ABORTED ? resolve() : reject(error) }
    }
    at.dispatch({ method: body === undefined ? 'GET' : 'POST', path, body: body?.() ?? null }, handler)
    if (abort === 'at once') leave()
    if (abort === 'turn') setImmediate(leave)
  })
}

/** A body that has so many pieces, and then neither more nor an end. */
function piecesOf (pieces: number): Readable {
  return new Readable({ read () { if (pieces-- > 0) this.push(PIECE) } })
}

/** Takes the narrow target's one connection; the returned function gives it back. */
function hold (): () => Promise<void> {
  let held: Dispatcher.DispatchController | undefined
  const ended = new Promise<void>(resolve => {
    narrow.dispatch({ method: 'GET', path: '/no-head' }, {
      onRequestStart (controller) { held = controller },
      onResponseStart () {},
      onResponseError () { resolve() }
    })
  })
  return async () => {
    held?.abort(ABORTED)
    await ended
  }
}

function count (): Left {
  const { gc } = globalThis as { gc?: () => void }
  // What one pass finalises, the next one frees.
  for (let pass = 0; pass < 4; pass++) gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  const snapshots = [...registry].map(one => one.snapshot().connections)
  return {
    heap: heapUsed,
    external,
    resident: rss,
    sockets: queryObjects(Socket, { format: 'count' }) - ownSockets,
    busy: snapshots.reduce((sum, { active, connecting, pending }) => sum + active + connecting + pending, 0),
    warnings
  }
}
