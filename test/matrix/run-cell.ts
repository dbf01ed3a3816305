import { type Census, census, listenersOf, more } from './census.js'
import type { Caller, Outcome } from './caller.js'
import type { Cause } from './cause.js'
import { type Cell, RESPONSE_SIZE } from './cell.js'
import { causeOf } from './cells.js'
import { createReadStream } from 'node:fs'
import { Http1Caller } from './http1-caller.js'
import { Http2Caller } from './http2-caller.js'
import { InjectCaller } from './inject-caller.js'
import { Run } from './run.js'
import { TargetCaller } from './target-caller.js'
import { soon, within } from './waiting.js'
import { World } from './world.js'

// The longest time until everything is at rest after a cell, and until an app and its backend are closed, in ms.
const REST = 1_500
const CLOSE = 2_500
const PATIENCE = 3_000

/** Runs a cell and returns what was wrong with it. The caller watches for failures of the process. */
export async function runCell (cell: Cell): Promise<string[]> {
  const cause = causeOf(cell)
  const wrong: string[] = []
  const nothing = census()
  const world = await World.open(cell, cause)
  const caller = await callerOf(cell, cause, world)
  const run = new Run(cell, cause, world, caller)
  try {
    const cold = await another(caller)
    if (cold !== undefined) throw new Error(`before the cell: ${cold}`)
    await atRest(world, undefined)
    const before = census()
    const listeners = connectionListeners(world)
    await run.reach()
    await cause.strike?.(run)
    run.release()
    wrong.push(...judged(run, await within(PATIENCE, caller.outcome, 'an answer, or a cut')))
    await run.over()
    if (cause.final !== true) wrong.push(...await leftovers(run, before, listeners))
    if (run.closing !== undefined) await within(CLOSE, run.closing, 'the end of the drain')
  } catch (error) {
    wrong.push((error as Error).message)
  }
  wrong.push(...await closed(run, nothing))
  return wrong
}

async function callerOf ({ protocol }: Cell, cause: Cause, world: World): Promise<Caller> {
  switch (protocol) {
    case 'http1': return await Http1Caller.open(world.port, false)
    case 'pipelined': return await Http1Caller.open(world.port, true)
    case 'http2': return await Http2Caller.open(world.port)
    case 'inject': return new InjectCaller(world.app)
    case 'target.request': return new TargetCaller(world.target, cause.noFile === true ? () => createReadStream('/nonexistent/file') : undefined)
  }
}

function judged ({ cell, cause, caller }: Run, outcome: Outcome): string[] {
  const expected = typeof cause.expects === 'function' ? cause.expects(cell) : cause.expects
  const wrong: string[] = []
  const got = outcome.kind === 'answer' ? outcome.status : outcome.kind
  if (outcome.kind === 'wrong') wrong.push(outcome.why)
  // A caller in the same process gets an error where a client gets a status.
  else if (!expected.includes(got as number) && !(caller instanceof TargetCaller && got === 'cut' && expected.some(it => Number(it) >= 400))) wrong.push(`got ${got}${outcome.kind === 'answer' ? '' : ` (${outcome.why})`} in place of ${expected.join(' or ')}`)
  if (outcome.kind === 'answer' && outcome.status === 200 && outcome.size !== RESPONSE_SIZE) wrong.push(`a response of ${outcome.size} bytes of ${RESPONSE_SIZE} looks whole`)
  if (caller.unexplained !== undefined) wrong.push(caller.unexplained)
  return wrong
}

/** An ordinary request. The cell's limits hold for it too, and may pass on a busy machine, so it is tried again. */
async function another (caller: Caller): Promise<string | undefined> {
  let wrong: string | undefined
  for (let tries = 3; tries > 0; tries--) {
    wrong = await caller.again().catch((error: Error) => error.message)
    if (wrong === undefined) break
  }
  return wrong
}

/** What is left over after another request was answered on the kept connection. */
async function leftovers (run: Run, before: Census, listeners: Census): Promise<string[]> {
  const { world, caller, cause } = run
  const wrong: string[] = []
  if (cause.silent !== true) caller.more()
  await world.backend.server.listen()
  world.backend.onArrival = undefined
  const again = await another(caller)
  if (again !== undefined) wrong.push(again)
  wrong.push(...await atRest(world, before, listeners))
  return wrong
}

/** Waits until nothing is under way and nothing is left over. Returns what remains. */
async function atRest (world: World, before: Census | undefined, listeners?: Census): Promise<string[]> {
  let left: string[] = []
  await soon(() => {
    world.target.evict()
    left = [...underWay(world), ...before === undefined ? [] : more(before, census()), ...listeners === undefined ? [] : more(listeners, connectionListeners(world)).map(what => `${what} on the kept connection`)]
    return left.length === 0
  }, REST)
  return left.map(what => `left: ${what}`)
}

function underWay (world: World): string[] {
  const { active, idle, connecting, pending, upgraded } = world.target.snapshot().connections
  const counts = { 'active connections': active, 'idle connections': idle, dials: connecting, 'places in the queue': pending, tunnels: upgraded, 'connections of clients too many': world.sockets.size - 1, 'streams of clients': world.streams.size, 'connections at the backend': world.backend.server.open }
  return Object.entries(counts).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`)
}

function connectionListeners (world: World): Census {
  const all = new Map<string, number>()
  for (const emitter of [...world.sockets, ...world.sessions]) {
    for (const [name, count] of listenersOf(emitter)) all.set(name, (all.get(name) ?? 0) + count)
  }
  return all
}

/** Closes everything of a cell. Returns what does not close, and what is left over. */
async function closed ({ world, caller }: Run, before: Census): Promise<string[]> {
  const wrong: string[] = []
  const note = (error: Error): void => { wrong.push(error.message) }
  world.gates.open()
  if (caller instanceof TargetCaller) caller.head.open()
  world.backend.free()
  await within(CLOSE, caller.close(), 'the end of the client').catch(note)
  await within(CLOSE, world.close(), 'app.close()').catch(note)
  await within(CLOSE, world.backend.close(), 'the end of the backend').catch(note)
  // So that it does not disturb the next cell.
  for (const socket of world.sockets) socket.destroy()
  let left: string[] = []
  await soon(() => (left = more(before, census())).length === 0, REST)
  wrong.push(...left.map(what => `left after app.close(): ${what}`))
  return wrong
}
