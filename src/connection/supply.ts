import { HoldfastError } from '../errors.js'
import type { BackendSocket } from '../wire/backend-socket.js'
import { RequestHeads } from '../wire/http1/request-head.js'
import type { Closing } from './closing.js'
import { Connection } from './connection.js'
import type { ConnectionOwner } from './connection.js'
import { dialFailureCode } from './dial.js'
import type { Dialer } from './dial.js'
import type { Dials } from './dials.js'
import type { Draining } from './draining.js'
import type { Grants } from './grants.js'
import type { IdleStack } from './idle-stack.js'
import type { PoolContext } from './pool-context.js'
import { redialAfter } from './redial.js'
import type { Room } from './room.js'
import type { Waiters } from './waiters.js'
import type { Ticket } from './waiting-queue.js'

interface Parts {
  readonly owner: ConnectionOwner
  readonly idle: IdleStack
  readonly dials: Dials
  readonly waiters: Waiters
  readonly room: Room
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

  /** Uses another dialer from now on. Present connections end as soon as they are idle. */
  dialBy (dialer: Dialer): void {
    this.#generation++
    this.#parts.dials.use(dialer)
  }

  /** Starts a dial for a waiting ticket. Returns false where no dial may start now, and the ticket waits on. */
  dialFor (ticket: Ticket): boolean {
    const { dials, waiters, room } = this.#parts
    const made = room.make(ticket.freshOnly)
    // `make` may close a connection, and an observer of the close may have had this ticket refused, served or dialled for.
    if (ticket.queue === undefined || ticket.dial !== undefined) return true
    if (!made) return false
    waiters.dial(ticket)
    dials.start(ticket)
    return true
  }

  /** Starts dials for waiters without one. Call it when a place may have become free, or a connection has ended. */
  fill (): void {
    const { draining, waiters } = this.#parts
    if (draining.begun) return draining.check()
    for (let ticket = waiters.firstQueued; ticket !== undefined && this.dialFor(ticket); ticket = waiters.firstQueued);
  }

  /** Takes the result of a dial. @param owner the ticket it was started for, if that still waits @param began on the pool's clock */
  dialled (error: HoldfastError | undefined, socket: BackendSocket | undefined, owner: Ticket | undefined, began: number): void {
    if (error === undefined) this.#opened(socket!, owner, this.#clock() - began)
    else this.#failed(error, owner, began)
    this.fill()
  }

  #opened (socket: BackendSocket, owner: Ticket | undefined, connectMs: number): void {
    const { idle, waiters, room, grants, closing, draining } = this.#parts
    const now = this.#clock()
    const connection = new Connection(socket, {
      id: this.#context.nextId(), target: this.#context.name, heads: this.#heads, options: this.#context.options,
      owner: this.#parts.owner, now, generation: this.#generation, clock: this.#clock
    })
    const certificateEnd = socket.certificateEnd
    if (certificateEnd !== undefined) this.#context.certificateShown(certificateEnd)
    room.whileOpening(() => this.#context.observers.opened(connection.view, connectMs))
    // An observer may have changed the options: the dialer here, and the limits below.
    if (connection.generation !== this.#generation) {
      closing.close(connection, 'updated', undefined)
      if (owner !== undefined) this.#dialAgain(owner)
      return
    }
    connection.limit(this.#context.options.pool)
    // The owner may have been served by another connection, may have left, or may have been refused.
    const ticket = owner?.queue === undefined ? waiters.next(true) : owner
    if (ticket !== undefined) return grants.hand(connection, ticket, true)
    connection.toIdle(now)
    const reason = draining.begun ? 'drained' : this.#context.belief.refuseReturn(connection)
    if (reason === undefined) idle.push(connection)
    else closing.close(connection, reason, 0)
  }

  #failed (error: HoldfastError, owner: Ticket | undefined, began: number): void {
    const { waiters, draining } = this.#parts
    const now = this.#clock()
    this.#context.observers.dialFailed(this.#context.name, dialFailureCode(error), now - began, '')
    if (owner === undefined) return
    const delay = draining.begun ? undefined : redialAfter(owner, error, { began, now, within: this.#context.options.pool.connectRetry })
    if (delay === undefined) return waiters.refuse(owner, error)
    waiters.dialLater(owner, delay, () => {
      this.#context.observers.retried(this.#context.name, 'connect')
      this.#dialAgain(owner)
    })
  }

  #dialAgain (ticket: Ticket): void {
    // An observer may have had the ticket refused.
    if (ticket.queue === undefined || this.dialFor(ticket)) return
    const { waiters, draining } = this.#parts
    // All dials or places are taken, so the ticket waits in the queue. A draining pool fills no free places, so there the ticket is
    // refused.
    if (!draining.begun) return waiters.queue(ticket)
    waiters.refuse(ticket, new HoldfastError('HOLDFAST_ERR_DRAINING'))
    draining.check()
  }
}
