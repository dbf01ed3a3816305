import { createHook } from 'node:async_hooks'
import { relative } from 'node:path'
import stream from 'node:stream'
import { syncBuiltinESMExports } from 'node:module'
import { fileURLToPath } from 'node:url'

// Import this before any module that makes timers or streams: it records where each is made.

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
// Timers that belong to the process (undici's coarse clock, node's cached date); what is learned of a backend, which is forgotten after ten
// minutes; and the 72 s of an HTTP/2 session, which node leaves running if the session ends before.
const KNOWN = [/^node:internal\/http /, /undici\/lib\/util\/timers/, /target\/belief\.[jt]s .*#learn/, /fastify\/lib\/server/]

// Their handles are made at the first use.
for (const { writable } of [process.stdout, process.stderr]) if (!writable) throw new Error('nowhere to write')

const timers = new Map<number, string>()
const streams = new Map<stream.Readable, string>()

// Includes unref'd timers, which node lists nowhere.
createHook({
  init (id, type) {
    if (type === 'Timeout') timers.set(id, site())
  },
  destroy (id) {
    timers.delete(id)
  }
}).enable()

// A Readable that is neither ended nor destroyed was forgotten.
const { Readable } = stream
stream.Readable = new Proxy(Readable, {
  construct (target, args, newTarget) {
    const made = Reflect.construct(target, args, newTarget) as stream.Readable
    const where = site()
    if (isOurs(where)) streams.set(made, where)
    return made
  }
})
syncBuiltinESMExports()

/** Counts of what exists, by kind and by where it was made. */
export type Census = ReadonlyMap<string, number>

/** Timers, streams, handles and listeners of the process, without those of this test. */
export function census (): Census {
  const counts = new Map<string, number>()
  const add = (what: string, count = 1): void => { counts.set(what, (counts.get(what) ?? 0) + count) }
  for (const where of timers.values()) {
    if (!isTests(where) && !KNOWN.some(known => known.test(where))) add(`timer of ${where}`)
  }
  for (const [made, where] of streams) {
    if (made.destroyed) streams.delete(made)
    else add(`stream of ${where}`)
  }
  // A read of a file ends by itself, and the loader of modules may be late with one on a busy machine.
  for (const handle of process.getActiveResourcesInfo()) if (!/Timeout|Immediate|FSReq/.test(handle)) add(handle)
  for (const name of process.eventNames()) add(`listener of process '${String(name)}'`, process.listenerCount(name))
  return counts
}

/** What has more than before. */
export function more (before: Census, now: Census): string[] {
  return [...now].filter(([what, count]) => count > (before.get(what) ?? 0)).map(([what, count]) => `${count - (before.get(what) ?? 0)} ${what}`)
}

/** Counts of an emitter's listeners, by event. */
export function listenersOf (of: NodeJS.EventEmitter): Census {
  return new Map(of.eventNames().map(name => [`listener '${String(name)}'`, of.listenerCount(name)]))
}

function isOurs (where: string): boolean {
  return /^(?:src|plugins)\//.test(where)
}

function isTests (where: string): boolean {
  return /^test\//.test(where)
}

/** The innermost function that is not node's, with its file. It avoids the cost of a formatted stack. */
function site (): string {
  const { prepareStackTrace, stackTraceLimit } = Error
  Error.stackTraceLimit = 14
  Error.prepareStackTrace = (_, sites) => sites
  const { stack } = new Error()
  Error.prepareStackTrace = prepareStackTrace
  Error.stackTraceLimit = stackTraceLimit
  for (const call of stack as unknown as NodeJS.CallSite[]) {
    const file = call.getFileName()
    if (file === 'node:internal/http') return `${file} ${call.getFunctionName()}`
    if (file === null || file === undefined || file.startsWith('node:') || file === import.meta.url || file === import.meta.filename) continue
    const path = relative(ROOT, file.startsWith('file:') ? fileURLToPath(file) : file)
    return `${path} ${call.getTypeName() ?? ''}.${call.getFunctionName() ?? ''}`
  }
  return 'node'
}
