import type { Caller } from './caller.js'
import type { Cause } from './cause.js'
import { type Cell, type Step, uploadOf } from './cell.js'
import { TargetCaller } from './target-caller.js'
import { soon, turns, until, within } from './waiting.js'
import type { World } from './world.js'

/** One cell under way. */
export class Run {
  readonly cell: Cell
  readonly cause: Cause
  readonly world: World
  readonly caller: Caller
  /** The drain or close that a cause has begun. */
  closing: Promise<unknown> | undefined
  #blocked: Promise<unknown> | undefined

  constructor (cell: Cell, cause: Cause, world: World, caller: Caller) {
    this.cell = cell
    this.cause = cause
    this.world = world
    this.caller = caller
  }

  /** Whether the client has its answer, or waits only for an answer in front of it. */
  get answered (): boolean {
    return this.caller.settled || this.world.reply?.sent === true
  }

  /** Sends the request, and resolves when it has reached the step. */
  async reach (): Promise<void> {
    const { cell, cause, world, caller } = this
    await cause.prepare?.(this)
    const upload = uploadOf(cell, cause.whole === true || (cell.step === 'after' && cause.silent === true))
    const inLine = cell.protocol === 'pipelined' && upload.method === 'POST'
    // With pipelined requests the first one holds the only connection.
    if (cell.step === 'queue' && cell.protocol !== 'pipelined') await this.#block()
    world.holdsDials = cell.step === 'dial'
    if (caller instanceof TargetCaller && cell.step !== 'head') caller.head.open()
    caller.begin(upload)
    // A request that is held behind another one begins after that one's answer. At `admit` it stays held.
    if (inLine && cell.step !== 'admit') await this.#takeTurn()
    await REACH[cell.step](this)
    await turns()
  }

  /** Lets everything continue that waited for the cause. */
  release (): void {
    const { cause, world, caller } = this
    world.gates.open()
    if (caller instanceof TargetCaller) caller.head.open()
    if (cause.silent !== true) caller.more()
    world.backend.free()
  }

  /** Waits until a limit has passed: the client has its answer, or the target has nothing left of the request. */
  async limitPasses (): Promise<void> {
    const { cell, world } = this
    const atTarget = cell.step !== 'collect' && cell.step !== 'admit'
    const others = cell.step === 'queue' || (cell.protocol === 'pipelined' && uploadOf(cell, true).method === 'GET') ? 1 : 0
    await soon(() => this.answered || (atTarget && world.busy <= others), 2_000)
    await turns()
  }

  /** Waits until the request that held the only connection is over. */
  async over (): Promise<void> {
    await this.#blocked
  }

  async #block (): Promise<void> {
    const { world } = this
    this.#blocked = world.target.request({ path: '/block', method: 'GET' }).then(({ body }) => body.dump(), () => {})
    await within(3_000, world.backend.block.reached, 'the request that holds the only connection')
  }

  async #takeTurn (): Promise<void> {
    const { world: { backend }, cell } = this
    await within(3_000, backend.first.reached, 'the request in front of it')
    const blocked = cell.step === 'queue' ? this.#block() : undefined
    backend.first.open()
    await blocked
  }
}

const REACH: Record<Step, (run: Run) => Promise<void>> = {
  admit: async ({ cell, world, caller }) => {
    const inLine = cell.protocol === 'pipelined' && (cell.body === 'parsed' || cell.body === 'hook')
    if (!inLine) return await settledOr(caller, world.gates.admit.reached, 'the hook is asked')
    await within(3_000, world.gates.came.reached, 'the request to come')
    await within(3_000, world.backend.first.reached, 'the request in front of it to be at the backend')
  },
  collect: async run => {
    await settledOr(run.caller, run.world.gates.came.reached, 'the request is here')
    // A body flows when something reads it. Some bodies are not read.
    await soon(() => run.caller.settled || run.world.request?.raw.readableFlowing === true, 500)
  },
  queue: async run => await until(() => run.answered || run.world.target.snapshot().connections.pending === 1, 'it waits in the queue'),
  dial: async ({ world, caller, cell }) => {
    const dials = cell.protocol === 'pipelined' ? 2 : 1
    await until(() => caller.settled || world.target.snapshot().connections.connecting === dials, 'its connection is dialled')
  },
  exchange: async ({ world, caller }) => await settledOr(caller, world.backend.arrived.reached, 'it is at the backend'),
  head: async ({ world, caller }) => {
    await settledOr(caller, world.backend.sendHead(), 'the backend sends a head')
    await settledOr(caller, caller instanceof TargetCaller ? caller.head.reached : world.gates.head.reached, 'the hook is asked')
  },
  onResponse: async ({ world, caller }) => {
    await settledOr(caller, world.backend.sendHead(), 'the backend sends a head')
    await settledOr(caller, world.gates.onResponse.reached, 'onResponse is called')
  },
  body: async ({ world, caller }) => {
    await settledOr(caller, world.backend.sendPiece(), 'the backend sends a piece')
    if (caller instanceof TargetCaller) return await within(3_000, caller.head.reached, 'the head')
    await until(() => caller.settled || world.reply?.raw.headersSent === true, 'the client is sent a head')
  },
  after: async run => {
    run.release()
    await within(3_000, run.caller.outcome, 'an answer')
  }
}

/** Waits for the step, or for the answer if the cause strikes before the step. */
async function settledOr (caller: Caller, reached: Promise<void>, what: string): Promise<void> {
  await within(3_000, Promise.race([reached, caller.outcome]), `that ${what}`)
}
