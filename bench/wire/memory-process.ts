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

// The child process: targets without an app, and requests to them by `Target.dispatch`. It measures its memory after each order. Arguments:
// the compiled package's entry, and the backend's URL.

/** Where a request ends. */
export const PHASES = ['requests', 'connections', 'queued', 'dialling', 'before the head', 'in the head', 'in the body', 'paused', 'uploading', 'held up in an upload'] as const
export type Phase = typeof PHASES[number]
export interface Order { readonly phase: Phase, readonly times: number }
/** Sizes in bytes. */
export interface Left {
  readonly heap: number
  /** ArrayBuffers and other memory outside of the heap. */
  readonly external: number
  readonly resident: number
  /** Objects of node:net's Socket that are left after all connections were evicted, without those that existed at the start. */
  readonly sockets: number
  /** Active connections, dials and waiting requests. */
  readonly busy: number
  /** Number of Node's warnings so far, such as those of too many listeners. */
  readonly warnings: number
}

const CONCURRENT = 32
const PIECE = Buffer.alloc(65_536, 'x')
const ABORTED = new Error('aborted')
// A dial whose request has left still completes, and its connection goes to the pool.
const QUIET = 200

// Since Node 20.13; the installed types are older.
const { queryObjects } = v8 as unknown as { queryObjects (constructor: typeof Socket, options: { format: 'count' }): number }
let warnings = 0
// Node also warns of `queryObjects`.
process.on('warning', ({ name }) => { if (name !== 'ExperimentalWarning') warnings++ })

const ownSockets = queryObjects(Socket, { format: 'count' })

const [, , entry = '', url = ''] = process.argv
const { TargetRegistry } = await import(pathToFileURL(join(entry, '../target/registry.js')).href) as typeof Registry
const { resolveTargetOptions } = await import(pathToFileURL(join(entry, '../options/target-options.js')).href) as typeof Options
const registry = new TargetRegistry({ maxDynamicTargets: 1, onObserverError: error => { throw error } })
const target = declare('wide', CONCURRENT)
// A target with one connection, which is taken, so that all other requests wait in its queue.
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
  // Idle connections would count as memory.
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
      // Without this a request would take an idle connection that was dialled for an aborted one, and dial none itself.
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

/** Sends one request, and aborts it in the given phase. Rejects if it fails otherwise. */
async function ask (at: Target, path: string, abort: Abort | undefined, body?: () => Readable): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let giveUp: (error: Error) => void
    let paused = false
    const leave = (): void => giveUp(ABORTED)
    // The bytes of an answer, or the connection's end, come some turns of the event loop after the request is written.
    const soon = (): unknown => setTimeout(leave, 2)
    // A handler of undici's older dialect: only that one is told that a request was sent.
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

/** A body of so many pieces that then stalls without an end. */
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
  // A pass frees what the pass before it finalised.
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
