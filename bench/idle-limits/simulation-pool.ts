import type { Learner, LostReuse } from './simulation-learner.js'
import type { VirtualLoop } from './simulation-loop.js'

// Copies of the constants in src/connection/idle-stack.ts.
const SWEEP_AT_LEAST = 100
const SETTLED = 100
const SOON = 250
// A copy of the constant in src/connection/sentinel.ts.
const ASKED_AGAIN = 5_000

export interface SimulatedConnection {
  /** Which of the backend's servers it reached. */
  readonly habit: number
  idleSince: number
  acquiredAt: number
  served: number
  state: 'active' | 'idle' | 'closed'
  /** When the backend's timeout ends it, and when the backend really closes it: a restart may come first. On the backend's side. */
  expiresThere: number
  closesThere: number
}

/** Keeps idle connections, and decides which request may have one. Times in ms. */
export interface SimulatedPool {
  take (method: 'GET' | 'POST'): SimulatedConnection | undefined
  /** @param exchangeMs length of its exchange @param idleMs how long it was idle before; 0 for a fresh one */
  giveBack (connection: SimulatedConnection, exchangeMs: number, idleMs: number): void
  /** Its FIN was read, while it was idle or when it was taken. */
  ended (connection: SimulatedConnection): void
  /** It ended under a request, without a byte of an answer. */
  lost (connection: SimulatedConnection): LostReuse | undefined
}

/** Reuses connections that a function calls safe, for any request, and closes none. */
export class KnowingPool implements SimulatedPool {
  readonly #idle: SimulatedConnection[] = []
  readonly #isSafe: (connection: SimulatedConnection) => boolean

  constructor (isSafe: (connection: SimulatedConnection) => boolean) {
    this.#isSafe = isSafe
  }

  take (): SimulatedConnection | undefined {
    const at = this.#idle.findLastIndex(this.#isSafe)
    return at === -1 ? undefined : this.#idle.splice(at, 1)[0]
  }

  giveBack (connection: SimulatedConnection): void {
    this.#idle.push(connection)
  }

  ended (connection: SimulatedConnection): void {
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
  }

  lost (): undefined {}
}

/** A copy of what a pool does with idle connections: src/connection/idle-stack.ts, sentinel.ts, and what the pool tells the learner. */
export class LearningPool implements SimulatedPool {
  /** How long there was a sentinel. */
  sentinelMs = 0
  readonly #loop: VirtualLoop
  readonly #learner: Learner
  readonly #closed: (connection: SimulatedConnection) => void
  /** Most recently used last. */
  readonly #idle: SimulatedConnection[] = []
  #sentinel: SimulatedConnection | undefined
  #sentinelSince = 0
  #heard = false
  #sweepAt = Infinity

  /** @param closed called for each connection that this pool closes */
  constructor (loop: VirtualLoop, learner: Learner, closed: (connection: SimulatedConnection) => void) {
    this.#loop = loop
    this.#learner = learner
    this.#closed = closed
  }

  get size (): number { return this.#idle.length }

  take (method: 'GET' | 'POST'): SimulatedConnection | undefined {
    const { now } = this.#loop
    const idleAtMost = method === 'GET' ? Infinity : this.#learner.unsafeLimit
    const past: SimulatedConnection[] = []
    let taken: SimulatedConnection | undefined
    for (;;) {
      const connection = this.#idle.at(-1)
      if (connection === undefined) break
      if (this.#isPast(connection)) {
        past.push(connection)
        this.#idle.pop()
        continue
      }
      if (now - connection.idleSince <= idleAtMost) taken = this.#idle.pop()
      break
    }
    for (const connection of past) this.#expire(connection)
    return taken
  }

  giveBack (connection: SimulatedConnection, exchangeMs: number, idleMs: number): void {
    this.#learner.exchanged(exchangeMs, idleMs)
    this.#idle.push(connection)
    this.#sweepBy(connection.idleSince + this.#learner.limit.effective)
  }

  ended (connection: SimulatedConnection): void {
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
    else if (connection === this.#sentinel) this.#dismiss()
    this.#learner.closed(this.#loop.now - connection.idleSince, this.#somethingSettled)
  }

  lost (connection: SimulatedConnection): LostReuse | undefined {
    const suspects = this.#without(({ idleSince }) => idleSince <= connection.idleSince)
    for (const suspect of suspects) this.#closed(suspect)
    const { acquiredAt, idleSince } = connection
    return this.#learner.reuseLost(acquiredAt - idleSince, this.#loop.now - acquiredAt, suspects.length, () => this.#somethingSettled)
  }

  limitFell (): void {
    if (this.#idle.length > 0) this.#sweepBy(this.#loop.now + SOON)
  }

  get #somethingSettled (): boolean {
    const oldest = this.#idle[0]
    return this.#sentinel !== undefined || (oldest !== undefined && this.#loop.now - oldest.idleSince > SETTLED)
  }

  #isPast (connection: SimulatedConnection): boolean {
    return this.#loop.now - connection.idleSince >= this.#learner.limit.effective
  }

  #sweepBy (at: number): void {
    if (at >= this.#sweepAt) return
    this.#sweepAt = at
    this.#loop.timer(Math.max(this.#loop.now + SWEEP_AT_LEAST, at), () => {
      if (this.#sweepAt !== at) return
      this.#sweepAt = Infinity
      for (const connection of this.#without(connection => this.#isPast(connection))) this.#expire(connection)
      const oldest = this.#idle[0]
      if (oldest !== undefined) this.#sweepBy(oldest.idleSince + this.#learner.limit.effective)
    })
  }

  /** Takes out the connections for which it returns true, most recently used first. */
  #without (isOut: (connection: SimulatedConnection) => boolean): SimulatedConnection[] {
    const out: SimulatedConnection[] = []
    for (let i = this.#idle.length - 1; i >= 0; i--) if (isOut(this.#idle[i]!)) out.push(...this.#idle.splice(i, 1))
    return out
  }

  #expire (connection: SimulatedConnection): void {
    if (!this.#post(connection, this.#loop.now - connection.idleSince)) this.#closed(connection)
  }

  #post (connection: SimulatedConnection, idleMs: number): boolean {
    const present = this.#sentinel
    if (present !== undefined && this.#learner.watchUntil(this.#loop.now - present.idleSince, this.#heard) !== undefined) return false
    const until = this.#learner.watchUntil(idleMs, false)
    if (until === undefined) return false
    if (present !== undefined) {
      this.#dismiss()
      this.#closed(present)
    }
    this.#sentinel = connection
    this.#sentinelSince = this.#loop.now
    this.#heard = false
    this.#watch(connection, until)
    return true
  }

  #watch (connection: SimulatedConnection, until: number): void {
    const ms = Math.min(ASKED_AGAIN, until - (this.#loop.now - connection.idleSince))
    this.#loop.timer(this.#loop.now + Math.max(1, Math.ceil(ms)), () => {
      if (this.#sentinel !== connection) return
      const idleMs = this.#loop.now - connection.idleSince
      if (idleMs >= until && !this.#heard) {
        this.#heard = true
        this.#learner.outlasted(idleMs)
      }
      const next = this.#learner.watchUntil(idleMs, this.#heard)
      if (next !== undefined) return this.#watch(connection, next)
      this.#dismiss()
      this.#closed(connection)
    })
  }

  #dismiss (): void {
    this.#sentinel = undefined
    this.sentinelMs += this.#loop.now - this.#sentinelSince
  }
}
