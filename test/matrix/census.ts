import { createHook } from 'node:async_hooks'
import { relative } from 'node:path'
import stream from 'node:stream'
import { syncBuiltinESMExports } from 'node:module'
import { fileURLToPath } from 'node:url'

// Import it before anything that makes timers or streams: what is made from then on is known by where it was made.

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
// One for the process, whoever asks for it (undici's coarse clock, node's line of the date); what is learned of a backend, forgotten after ten minutes; the 72 s of an HTTP/2 session, which
// node leaves running where the session ends before them.
const KNOWN = [/^node:internal\/http /, /undici\/lib\/util\/timers/, /target\/target\.[jt]s .*#learn/, /fastify\/lib\/server/]

// Their handles are made when they are asked for first.
for (const { writable } of [process.stdout, process.stderr]) if (!writable) throw new Error('nowhere to write')

const timers = new Map<number, string>()
const streams = new Map<stream.Readable, string>()

// Also timers that are unref'd, which no list of node's has.
createHook({
  init (id, type) {
    if (type === 'Timeout') timers.set(id, site())
  },
  destroy (id) {
    timers.delete(id)
  }
}).enable()

// A Readable that is neither ended nor destroyed is one that nobody cares for any more.
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

/** What there is, counted by kind and by where it was made. */
export type Census = ReadonlyMap<string, number>

/** Timers, streams, handles and listeners of the process, as far as they are not this test's own. */
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
  for (const handle of process.getActiveResourcesInfo()) if (!/Timeout|Immediate/.test(handle)) add(handle)
  for (const name of process.eventNames()) add(`listener of process '${String(name)}'`, process.listenerCount(name))
  return counts
}

/** What there is more of than before. */
export function more (before: Census, now: Census): string[] {
  return [...now].filter(([what, count]) => count > (before.get(what) ?? 0)).map(([what, count]) => `${count - (before.get(what) ?? 0)} ${what}`)
}

/** Listeners of an emitter, by event. */
export function listenersOf (of: NodeJS.EventEmitter): Census {
  return new Map(of.eventNames().map(name => [`listener '${String(name)}'`, of.listenerCount(name)]))
}

function isOurs (where: string): boolean {
  return /^(?:src|plugins)\//.test(where)
}

function isTests (where: string): boolean {
  return /^test\//.test(where)
}

/** The function nearest to where it was made that is not node's, by its file; without the cost of a stack that is written out. */
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
