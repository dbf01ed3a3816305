import { ESTIMATOR, idleLimit } from '../../src/target/idle-limit.js'
import type { Estimator } from '../../src/target/idle-limit.js'
import { seededRandom } from '../../testing/random.js'
import type { SimulatedBackend } from './simulation-backends.js'
import { Convergence } from './simulation-convergence.js'
import { Learner, SETTINGS } from './simulation-learner.js'
import { VirtualLoop } from './simulation-loop.js'
import { KnowingPool, LearningPool } from './simulation-pool.js'
import type { SimulatedConnection, SimulatedPool } from './simulation-pool.js'

// One target in virtual time, with the real estimator. It leaves out what no idle time depends on: bounds, the queue, ages, and that a
// returned connection serves a request that waits for a dial.

/** Times in ms. */
export interface Scenario {
  readonly backend: SimulatedBackend
  /** Mean time between requests, or bursts of them. */
  readonly gap: number
  readonly requests: number
  readonly seed: number
  /** Delay to the backend and back. */
  readonly roundTrip: number
  /** Time to an answer at the backend; up to a tenth more. */
  readonly service: number
  /** Whether some requests come at once, so that there is more than one connection. */
  readonly bursts: boolean
  /** Mean time between turns of the gateway's event loop that last 50 to 150 ms; 0 for none. */
  readonly stallEvery: number
  /** What the backend says in `Keep-Alive: timeout=`. */
  readonly claimed?: number
  /** Counting starts after so many idle closes. Default 5. */
  readonly learnedAfter?: number
}

export interface Figures {
  /** Requests since counting started, and what became of them. */
  requests: number
  /** Sent after the backend had closed, and before the gateway could know. */
  staleGets: number
  stalePosts: number
  reused: number
  /** Stale hits before counting started. */
  staleBefore: number
  /** When counting started. */
  began: number
  /** All idle closes. */
  closes: number
  convergence: Convergence
  /** Share of the time with a sentinel. */
  sentinelShare: number
  /** The most open connections at a time that were neither in use nor ready for use. */
  mostSurplus: number
}

/** The estimator's constants; or an oracle that knows when each connection times out; or the highest safe limit, set by hand. */
export type Using = Estimator | 'oracle' | 'by hand'

const POSTS = 0.25
// A process that ends takes so long to close its connections.
const RESTART_MS = 30

/** @param countFrom for the oracle and the limit set by hand, which need not learn: when counting starts, in ms */
export function simulate (scenario: Scenario, using: Using = ESTIMATOR, countFrom = 0): Figures {
  return new Simulation(scenario, using, countFrom).run()
}

class Simulation {
  readonly #scenario: Scenario
  readonly #loop: VirtualLoop
  readonly #arrivals: () => number
  readonly #backend: () => number
  readonly #learner: Learner | undefined
  readonly #learning: LearningPool | undefined
  readonly #pool: SimulatedPool
  readonly #open = new Set<SimulatedConnection>()
  #active = 0
  #arrived = 0
  readonly #figures: Figures = {
    requests: 0, staleGets: 0, stalePosts: 0, reused: 0, staleBefore: 0, began: Infinity, closes: 0,
    convergence: new Convergence(), sentinelShare: 0, mostSurplus: 0
  }

  constructor (scenario: Scenario, using: Using, countFrom: number) {
    this.#scenario = scenario
    // Separate random numbers, so that every run meets the same traffic whatever its pool does.
    this.#arrivals = seededRandom(scenario.seed)
    this.#backend = seededRandom(scenario.seed + 1)
    const late = seededRandom(scenario.seed + 2)
    const loop = this.#loop = new VirtualLoop(() => 3 * late())
    if (typeof using === 'string') {
      this.#figures.began = countFrom
      this.#pool = new KnowingPool(using === 'oracle'
        ? ({ expiresThere, idleSince }) => loop.now + scenario.roundTrip / 2 < expiresThere && loop.now - idleSince < SETTINGS.keepAliveTimeout
        : ({ idleSince }) => loop.now - idleSince < this.#safe())
      return
    }
    if (scenario.learnedAfter === 0) this.#figures.began = 0
    const learner = this.#learner = new Learner(using, scenario.claimed, loop, (fell) => {
      this.#figures.convergence.limitIs(learner.limit.effective, this.#safe(), loop.now)
      if (fell) learning.limitFell()
    })
    const learning = this.#pool = this.#learning = new LearningPool(loop, learner, connection => this.#close(connection))
  }

  run (): Figures {
    const { requests, seed, stallEvery, backend } = this.#scenario
    this.#expectRequests(0)
    if (stallEvery > 0) this.#expectStall(seededRandom(seed + 3))
    this.#expectRestart(seededRandom(seed + 4))
    this.#expectChange(backend)
    this.#loop.run(() => this.#arrived >= requests)
    this.#figures.sentinelShare = (this.#learning?.sentinelMs ?? 0) / this.#loop.now
    return this.#figures
  }

  #expectRequests (after: number): void {
    const { gap, bursts } = this.#scenario
    const random = this.#arrivals
    const at = after - gap * Math.log(1 - random())
    const count = bursts && random() < 0.2 ? 2 + Math.floor(random() * 5) : 1
    this.#loop.arrival(at, () => {
      for (let n = 0; n < count; n++) {
        this.#arrived++
        this.#request(random() < POSTS ? 'POST' : 'GET')
      }
      this.#expectRequests(at)
    })
  }

  #expectStall (random: () => number): void {
    this.#loop.timer(this.#loop.now - this.#scenario.stallEvery * Math.log(1 - random()), () => {
      this.#loop.busy(50 + 100 * random())
      this.#expectStall(random)
    })
  }

  #expectRestart (random: () => number): void {
    const at = this.#scenario.backend.restartsAfter(this.#loop.now, random)
    if (at === Infinity) return
    this.#loop.timer(at, () => {
      for (const connection of this.#open) {
        // A connection with a request on it closes with its answer.
        connection.closesThere = Math.min(connection.closesThere, at + RESTART_MS * random())
        if (connection.state === 'idle') this.#expectFin(connection)
      }
      if (this.#scenario.backend.changesAfter(at) === Infinity) this.#changed()
      this.#expectRestart(random)
    })
  }

  #expectChange (backend: SimulatedBackend): void {
    const at = backend.changesAfter(this.#loop.now)
    if (at === Infinity) return
    this.#loop.timer(at, () => {
      this.#changed()
      this.#expectChange(backend)
    })
  }

  #request (method: 'GET' | 'POST'): void {
    const { now } = this.#loop
    const figures = this.#figures
    const counts = now >= figures.began
    if (counts) figures.requests++
    const connection = this.#pool.take(method)
    if (connection === undefined) {
      this.#dial()
      return
    }
    connection.state = 'active'
    connection.acquiredAt = now
    const half = this.#scenario.roundTrip / 2
    if (now + half < connection.closesThere) {
      if (this.#backend() < this.#scenario.backend.kills) {
        this.#lose(connection, method, now + 2 * half)
        return
      }
      if (counts) figures.reused++
      this.#exchange(connection)
      return
    }
    // Its FIN has arrived, and is read before the request is written. So any request may be sent again.
    if (connection.closesThere + half <= now) {
      this.#close(connection)
      this.#idleClosed(now - connection.idleSince, () => this.#pool.ended(connection))
      this.#dial()
      return
    }
    if (!counts) figures.staleBefore++
    else if (method === 'GET') figures.staleGets++
    else figures.stalePosts++
    this.#lose(connection, method, connection.closesThere + half)
  }

  #lose (connection: SimulatedConnection, method: 'GET' | 'POST', at: number): void {
    this.#active++
    this.#loop.arrival(at, () => {
      this.#active--
      this.#close(connection)
      const lost = this.#pool.lost(connection)
      if (method === 'GET') this.#dial(() => this.#idleClosed(connection.acquiredAt - connection.idleSince, () => lost?.answered()))
      else lost?.unknown()
    })
  }

  #dial (answered?: () => void): void {
    const { roundTrip, backend } = this.#scenario
    this.#loop.arrival(this.#loop.now + roundTrip, () => {
      const connection: SimulatedConnection = {
        habit: backend.habit(this.#backend), idleSince: 0, acquiredAt: this.#loop.now, served: 0, state: 'active', expiresThere: Infinity, closesThere: Infinity
      }
      this.#open.add(connection)
      this.#exchange(connection, answered)
    })
  }

  #exchange (connection: SimulatedConnection, answered?: () => void): void {
    const { roundTrip, service, backend } = this.#scenario
    this.#active++
    connection.closesThere = Infinity
    const leaves = this.#loop.now + roundTrip / 2 + service * (1 + 0.1 * this.#backend())
    this.#loop.arrival(leaves + roundTrip / 2, () => {
      this.#active--
      answered?.()
      if (connection.closesThere < leaves) {
        this.#close(connection)
        return
      }
      const { now } = this.#loop
      const exchangeMs = now - connection.acquiredAt
      const idleMs = connection.served > 0 ? connection.acquiredAt - connection.idleSince : 0
      connection.expiresThere = leaves + backend.closesAfter(leaves, connection.habit, this.#backend)
      connection.closesThere = Math.min(connection.closesThere, connection.expiresThere)
      connection.served++
      connection.state = 'idle'
      connection.idleSince = now
      this.#expectFin(connection)
      this.#pool.giveBack(connection, exchangeMs, idleMs)
      if (this.#learning !== undefined) this.#figures.mostSurplus = Math.max(this.#figures.mostSurplus, this.#open.size - this.#active - this.#learning.size)
    })
  }

  #expectFin (connection: SimulatedConnection): void {
    const { idleSince } = connection
    this.#loop.arrival(connection.closesThere + this.#scenario.roundTrip / 2, () => {
      if (connection.state !== 'idle' || connection.idleSince !== idleSince) return
      this.#close(connection)
      this.#idleClosed(this.#loop.now - idleSince, () => this.#pool.ended(connection))
    })
  }

  #idleClosed (idleMs: number, tell: () => void): void {
    tell()
    if (this.#learner === undefined || idleMs < ESTIMATOR.shortest) return
    this.#figures.convergence.closeSeen(this.#learner.limit.effective, this.#safe())
    if (++this.#figures.closes === (this.#scenario.learnedAfter ?? 5)) this.#figures.began = this.#loop.now
  }

  #changed (): void {
    if (this.#learner !== undefined) this.#figures.convergence.backendChanged(this.#learner.limit.effective, this.#safe(), this.#loop.now)
  }

  #close (connection: SimulatedConnection): void {
    connection.state = 'closed'
    this.#open.delete(connection)
  }

  /** The highest safe limit. */
  #safe (): number {
    const { backend, roundTrip, claimed } = this.#scenario
    return Math.min(backend.shortest(this.#loop.now) - roundTrip, idleLimit(SETTINGS, claimed, undefined).effective)
  }
}
