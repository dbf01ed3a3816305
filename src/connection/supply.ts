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
import type { PoolHost } from './pool-host.js'
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

/** Makes new connections, for requests that wait, as far as the limits allow. */
export class Supply {
  readonly #host: PoolHost
  readonly #clock: () => number
  readonly #parts: Parts
  readonly #heads: RequestHeads
  #generation = 0

  constructor (host: PoolHost, clock: () => number, parts: Parts) {
    this.#host = host
    this.#clock = clock
    this.#parts = parts
    this.#heads = new RequestHeads(host.origin.host)
  }

  /** Goes up when dial options change; connections of an earlier one carry no new request. */
  get generation (): number { return this.#generation }

  /** Connections are made otherwise from now on; the present ones end as soon as they are idle. */
  dialBy (dialer: Dialer): void {
    this.#generation++
    this.#parts.dials.use(dialer)
  }

  /** Starts a dial for a ticket that is among the waiters; false where it waits on, since none may start now. */
  dialFor (ticket: Ticket): boolean {
    const { dials, waiters, room } = this.#parts
    const made = room.make(ticket.freshOnly)
    // An observer of the close that made room may have had it refused, or served, or dialled for.
    if (ticket.queue === undefined || ticket.dial !== undefined) return true
    if (!made) return false
    waiters.dial(ticket)
    dials.start(ticket)
    return true
  }

  /** For when a place may have become free, or a connection has ended: starts dials for those that wait without one. */
  fill (): void {
    const { draining, waiters } = this.#parts
    if (draining.begun) return draining.check()
    for (let ticket = waiters.firstQueued; ticket !== undefined && this.dialFor(ticket); ticket = waiters.firstQueued);
  }

  /** A dial is done. @param owner the request it was for, if it still waits for it @param began when, on the pool's clock */
  dialled (error: HoldfastError | undefined, socket: BackendSocket | undefined, owner: Ticket | undefined, began: number): void {
    if (error === undefined) this.#opened(socket!, owner, this.#clock() - began)
    else this.#failed(error, owner, began)
    this.fill()
  }

  #opened (socket: BackendSocket, owner: Ticket | undefined, connectMs: number): void {
    const { idle, waiters, room, grants, closing, draining } = this.#parts
    const now = this.#clock()
    const connection = new Connection(socket, {
      id: this.#host.nextId(), target: this.#host.name, heads: this.#heads, options: this.#host.options,
      owner: this.#parts.owner, now, generation: this.#generation, clock: this.#clock
    })
    room.whileOpening(() => this.#host.observers.opened(connection.view, connectMs))
    // An observer may have changed how connections are made, or how long they are kept.
    if (connection.generation !== this.#generation) {
      closing.close(connection, 'updated', undefined)
      if (owner !== undefined) this.#dialAgain(owner)
      return
    }
    connection.limit(this.#host.options.pool)
    // Its request may have been served otherwise, or have left, or have been refused by an observer.
    const ticket = owner?.queue === undefined ? waiters.next(true) : owner
    if (ticket !== undefined) return grants.hand(connection, ticket, true)
    connection.toIdle(now)
    const reason = draining.begun ? 'drained' : this.#host.belief.refuseReturn(connection)
    if (reason === undefined) idle.push(connection)
    else closing.close(connection, reason, 0)
  }

  #failed (error: HoldfastError, owner: Ticket | undefined, began: number): void {
    const { waiters, draining } = this.#parts
    const now = this.#clock()
    this.#host.observers.dialFailed(this.#host.name, dialFailureCode(error), now - began)
    if (owner === undefined) return
    const delay = draining.begun ? undefined : redialAfter(owner, error, { began, now, within: this.#host.options.pool.connectRetry })
    if (delay === undefined) return waiters.refuse(owner, error)
    waiters.dialLater(owner, delay, () => {
      this.#host.observers.retried(this.#host.name, 'connect')
      this.#dialAgain(owner)
    })
  }

  #dialAgain (ticket: Ticket): void {
    // An observer that was told of it may have had it refused.
    if (ticket.queue === undefined || this.dialFor(ticket)) return
    const { waiters, draining } = this.#parts
    // All dials or places are taken: it waits for one like the others, unless places that become free are not filled any more.
    if (!draining.begun) return waiters.queue(ticket)
    waiters.refuse(ticket, new HoldfastError('HOLDFAST_ERR_DRAINING'))
    draining.check()
  }
}
