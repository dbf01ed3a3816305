import { HoldfastError } from '../errors.js'
import type { BackendSocket } from '../wire/backend-socket.js'
import { RequestHeads } from '../wire/http1/request-head.js'
import type { Closing } from './closing.js'
import { Connection } from './connection.js'
import type { ConnectionOwner, ConnectionPool } from './connection.js'
import { dialFailureCode } from './dial.js'
import type { DialResult } from './dials.js'
import type { Draining } from './draining.js'
import type { Grants } from './grants.js'
import type { PoolContext } from './pool-context.js'
import type { Pool } from './pool.js'
import { redialAfter } from './redial.js'
import type { Waiters } from './waiters.js'
import type { Ticket } from './waiting-queue.js'

// A place is sought for so many requests that any endpoint may serve. If all endpoints were asked for each of a long queue, at each response,
// that would take most of the time.
const ENOUGH = 4

interface Parts {
  readonly owner: ConnectionOwner
  readonly pools: readonly Pool[]
  readonly waiters: Waiters
  readonly grants: Grants
  readonly closing: Closing
  readonly draining: Draining
}

/** Makes new connections for waiting requests, within the limits. */
export class Supply {
  readonly #context: PoolContext
  readonly #clock: () => number
  readonly #parts: Parts
  readonly #heads: RequestHeads
  #generation = 0

  constructor (context: PoolContext, clock: () => number, parts: Parts) {
    this.#context = context
    this.#clock = clock
    this.#parts = parts
    this.#heads = new RequestHeads(context.origin.host)
  }

  /** Incremented when dial options change. Connections of an earlier generation carry no new request. */
  get generation (): number { return this.#generation }

  /** Connections are made in another way from now on. Present ones end as soon as they are idle. */
  madeOtherwise (): void {
    this.#generation++
  }

  /**
   * Starts a dial for a waiting ticket. Returns false where no dial may start now, and the ticket waits on.
   *
   * @param at the pool; undefined: none now
   */
  dialFor (ticket: Ticket, at: ConnectionPool | undefined): boolean {
    const pool = at && this.#parts.pools.find(pool => pool === at)
    if (pool === undefined) return false
    const made = pool.room.make(ticket.freshOnly)
    // `make` may close a connection, and an observer of the close may have had this ticket refused, served or dialled for.
    if (ticket.queue === undefined || ticket.dial !== undefined) return true
    if (!made) return false
    this.#parts.waiters.dial(ticket)
    pool.dials.start(ticket)
    return true
  }

  /** Dials for no waiter, to find out whether the endpoint accepts connections. */
  probe (pool: Pool): void {
    if (!this.#parts.draining.begun && pool.room.make(true)) pool.dials.start(undefined)
  }

  /** Starts dials for waiters without one. Call it when a place may have become free, or a connection has ended. */
  fill (): void {
    const { draining, waiters } = this.#parts
    if (draining.begun) return draining.check()
    let ticket = waiters.firstQueued
    let inVain = 0
    while (ticket !== undefined) {
      const { seeker }: Ticket = ticket
      const free = seeker?.free === true
      if (!free || inVain < ENOUGH) {
        const pool = this.#poolFor(ticket)
        if (this.dialFor(ticket, pool)) {
          ticket = waiters.firstQueued
          continue
        }
        if (seeker === undefined) return
        if (free) inVain += pool === undefined ? ENOUGH : 1
      }
      // Where this one waits for one endpoint, those behind it may find room at another.
      ticket = ticket.after
    }
  }

  /** Takes the result of a dial. */
  dialled (pool: Pool, { error, socket, owner, began }: DialResult): void {
    const ms = this.#clock() - began
    pool.host.dialEnded(error, began)
    if (error === undefined) this.#opened(pool, socket!, owner, ms)
    else this.#failed(pool, error, owner, began)
    this.fill()
  }

  /** Dials for a ticket that has waited for that. */
  dialAgain (ticket: Ticket): void {
    // An observer may have had the ticket refused.
    if (ticket.queue === undefined || this.dialFor(ticket, this.#poolFor(ticket))) return
    const { waiters, draining } = this.#parts
    // All dials or places are taken, so the ticket waits in the queue. A draining pool fills no free places, so there the ticket is
    // refused.
    if (!draining.begun) return waiters.queue(ticket)
    waiters.refuse(ticket, new HoldfastError('HOLDFAST_ERR_DRAINING'))
    draining.check()
  }

  #poolFor ({ seeker }: Ticket): ConnectionPool | undefined {
    return seeker === undefined ? this.#parts.pools[0] : seeker.next()
  }

  #opened (pool: Pool, socket: BackendSocket, owner: Ticket | undefined, connectMs: number): void {
    const { waiters, grants, closing, draining } = this.#parts
    const { host, room, idle } = pool
    const now = this.#clock()
    const connection = new Connection(socket, {
      id: this.#context.nextId(), target: this.#context.name, pool, heads: this.#heads, options: this.#context.options,
      owner: this.#parts.owner, now, generation: this.#generation, clock: this.#clock
    })
    const certificateEnd = socket.certificateEnd
    if (certificateEnd !== undefined) host.certificateShown(certificateEnd)
    room.whileOpening(() => this.#context.observers.opened(connection.view, connectMs))
    // An observer may have changed the options: the dialer here, and the limits below.
    if (connection.generation !== this.#generation) {
      closing.close(connection, 'updated', undefined)
      if (owner !== undefined) this.dialAgain(owner)
      return
    }
    connection.limit(this.#context.options.pool)
    // The owner may have been served by another connection, may have left, or may have been refused.
    const ticket = owner?.queue === undefined ? waiters.next(pool, true) : owner
    if (ticket !== undefined) return grants.hand(connection, ticket, true)
    connection.toIdle(now)
    const reason = draining.begun ? 'drained' : host.refuseReturn(connection)
    if (reason !== undefined) return closing.close(connection, reason, 0)
    // An idle connection does not keep the process alive.
    socket.unref()
    idle.push(connection)
  }

  #failed (pool: Pool, error: HoldfastError, owner: Ticket | undefined, began: number): void {
    const { waiters, draining } = this.#parts
    const { name, observers, options } = this.#context
    const now = this.#clock()
    observers.dialFailed(name, dialFailureCode(error), now - began, pool.host.id)
    pool.host.poolShrank()
    waiters.refuseJoined(error)
    // An observer may have had the owner refused.
    if (owner?.queue === undefined) return
    if (draining.begun) return waiters.refuse(owner, error)
    const delay = owner.seeker === undefined
      ? redialAfter(owner, error, { began, now, within: options.pool.connectRetry })
      : owner.seeker.dialFailed(pool, error, began)
    if (delay === undefined) return waiters.refuse(owner, error)
    owner.redialled = true
    const dial = (): void => {
      observers.retried(name, 'connect')
      this.dialAgain(owner)
    }
    if (delay === 0) dial()
    else waiters.dialLater(owner, delay, dial)
  }
}
