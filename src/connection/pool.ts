import type { Duplex } from 'node:stream'
import { HoldfastError, ignoreError } from '../errors.js'
import { ActiveSet } from './active-set.js'
import { Bindings } from './bindings.js'
import type { ClientConnection } from './bindings.js'
import type { CloseReason } from './close-reason.js'
import { Closing } from './closing.js'
import { snapshotsOf } from './connection.js'
import type { Connection, ConnectionOwner, ConnectionSnapshot } from './connection.js'
import { createDialer } from './dial.js'
import type { Dialer } from './dial.js'
import { Dials } from './dials.js'
import { Draining } from './draining.js'
import type { ExchangeOwner } from './exchange.js'
import { Grants } from './grants.js'
import { IdleStack } from './idle-stack.js'
import type { Fit, IdleStackContext } from './idle-stack.js'
import type { ResponseView } from './observer.js'
import type { PoolContext } from './pool-context.js'
import { Returns } from './returns.js'
import { Room } from './room.js'
import type { Sentinel } from './sentinel.js'
import { Supply } from './supply.js'
import { Upgraded } from './upgraded.js'
import { Waiters } from './waiters.js'
import { newTicket } from './waiting-queue.js'
import type { Ticket, Waiter } from './waiting-queue.js'

/**
 * A target's connections. A connection is owned by the pool while it is idle, and by its exchange while it is active: it passes to the
 * exchange in `Grants`, and back in `Returns`. `Supply` makes new ones, within the limits of `Room`, and `Closing` ends them.
 */
export class Pool implements ConnectionOwner, ExchangeOwner, IdleStackContext {
  readonly #context: PoolContext
  readonly #clock: () => number
  readonly #idle: IdleStack
  readonly #active: ActiveSet
  readonly #bindings: Bindings
  readonly #dials: Dials
  readonly #waiters: Waiters
  readonly #upgraded = new Upgraded()
  readonly #room: Room
  readonly #grants: Grants
  readonly #supply: Supply
  readonly #returns: Returns
  readonly #closing: Closing
  readonly #draining: Draining
  #destroyed = false

  constructor (context: PoolContext, clock: () => number) {
    this.#context = context
    this.#clock = clock
    const idle = this.#idle = new IdleStack(this, clock)
    const bindings = this.#bindings = new Bindings(connection => this.#lost(connection, 'client_gone'))
    const draining = this.#draining = new Draining(() => this.#room.taken + this.#upgraded.size + this.#waiters.dialling === 0, () => this.#stop())
    const closing = this.#closing = new Closing(context, clock, { idle, bindings, draining })
    const active = this.#active = new ActiveSet(clock, () => closing.sentinel.dismiss('evicted'))
    const waiters = this.#waiters = new Waiters(clock, () => context.options.pool.pendingTimeout)
    const dials = this.#dials = new Dials(createDialer(context.origin, context.options.undiciOptions, clock), clock, (...done) => this.#supply.dialled(...done))
    const room = this.#room = new Room(context, clock, { idle, active, dials, closing })
    const grants = this.#grants = new Grants(clock, { observers: context.observers, active, waiters })
    const supply = this.#supply = new Supply(context, clock, { owner: this, idle, dials, waiters, room, grants, closing, draining })
    this.#returns = new Returns(context, clock, { idle, active, waiters, room, grants, supply, closing, draining })
  }

  get activeCount (): number { return this.#active.size }
  get idleCount (): number { return this.#idle.size }
  get connectingCount (): number { return this.#dials.size }
  get pendingCount (): number { return this.#waiters.queued + this.#waiters.dialling - this.#dials.owned }
  get upgradedCount (): number { return this.#upgraded.size }
  /** Whether `destroy()` was called. A call checks this after it has told observers, since one of them may have called it. */
  get destroyed (): boolean { return this.#destroyed }
  get sentinel (): Sentinel { return this.#closing.sentinel }
  get somethingSettled (): boolean { return this.#closing.somethingSettled }

  /**
   * Takes the most recently used idle connection that fits, and gives it to the caller; undefined where there is none. A connection that is
   * bound to the client's connection comes before those that serve any client.
   */
  acquire (fit: Fit, client: ClientConnection | undefined): Connection | undefined {
    const now = this.#clock()
    const bound = this.#bindings.has(client) ? this.#idle.take(fit, now, client) : undefined
    const connection = bound ?? this.#idle.take(fit, now, undefined)
    if (connection !== undefined) this.#grants.take(connection, now, now - connection.idleSince, 0)
    return connection
  }

  /**
   * Waits for a connection: for a dial of its own or for a returned connection, whichever comes first; at the bound of connections, for a
   * place. Returns the ticket to leave with; undefined where the waiter was served or refused at once.
   */
  wait (fit: Fit, waiter: Waiter): Ticket | undefined {
    if (this.#draining.begun) {
      waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
      return undefined
    }
    const ticket = newTicket(waiter, fit.idleAtMost < 0, this.#clock())
    // Earlier waiters in the queue get the next place first.
    if (this.#waiters.queued === 0) {
      this.#waiters.dial(ticket)
      if (this.#supply.dialFor(ticket)) return ticket.queue && ticket
    }
    if (this.#waiters.queued >= this.#context.options.pool.maxPending) {
      this.#waiters.refuse(ticket, new HoldfastError('HOLDFAST_ERR_QUEUE_FULL'))
      return undefined
    }
    this.#waiters.queue(ticket)
    return ticket
  }

  /** How long a waiter has waited, in ms. */
  waited (ticket: Ticket): number {
    return this.#clock() - ticket.since
  }

  /** Leaves the queue. The waiter is not called any more. */
  leave (ticket: Ticket): void {
    if (ticket.queue === undefined) return
    this.#waiters.remove(ticket)
    if (ticket.dial !== undefined) ticket.dial.owner = undefined
    // No request waits any more, so the dials under way have no use.
    if (this.#waiters.queued === 0 && this.#waiters.dialling === 0) this.#dials.abandon()
    this.#draining.check()
  }

  /** Call this when a client has authenticated the connection. From now on it serves only this client's connection, and ends with it. */
  bind (connection: Connection, client: ClientConnection | undefined): void {
    if (connection.state === 'active') this.#bindings.bind(connection, client)
  }

  /** Uses another dialer from now on. Present connections end as soon as they are idle. */
  dialBy (dialer: Dialer): void {
    this.#supply.dialBy(dialer)
  }

  /** Call this when the target's options have changed. @param madeOtherwise whether connections are dialled in another way now */
  optionsChanged (madeOtherwise: boolean): void {
    if (madeOtherwise) this.evict('updated')
    // An observer of these closes may have changed the options again, so they are read here.
    const { options } = this.#context
    for (const connection of [...this.#active.all(), ...this.#idle.all()]) connection.limit(options.pool)
    this.#room.shrink()
    this.#idle.sweepSoon()
    this.#supply.fill()
    this.#waiters.patienceChanged()
  }

  /**
   * Call this when the idle limit has fallen. Connections past it are closed a little later: those that the backend closes meanwhile are
   * evidence.
   */
  limitFell (): void {
    this.#idle.sweepSoon()
  }

  /**
   * Closes idle connections, and returns how many. Active connections stay.
   *
   * @param idleSince on the pool's clock: connections that became idle later stay too. Without it, the sentinel is closed as well
   */
  evict (reason: CloseReason, idleSince = Infinity): number {
    const evicted = this.#idle.closeSince(idleSince, reason)
    if (idleSince === Infinity) this.sentinel.dismiss(reason)
    this.#supply.fill()
    return evicted
  }

  /** Takes no new work, closes idle connections, and resolves when active ones and tunnels have ended. */
  drain (): Promise<void> {
    this.#draining.begin()
    for (let ticket = this.#waiters.firstQueued; ticket !== undefined; ticket = this.#waiters.firstQueued) {
      this.#waiters.refuse(ticket, new HoldfastError('HOLDFAST_ERR_DRAINING'))
    }
    this.evict('drained')
    return this.#draining.finished()
  }

  /** Ends everything at once. Requests in flight fail. */
  destroy (): void {
    this.#destroyed = true
    this.drain().catch(ignoreError)
    for (let ticket = this.#waiters.firstDialling; ticket !== undefined; ticket = this.#waiters.firstDialling) {
      this.leave(ticket)
      ticket.waiter.refused(new HoldfastError('HOLDFAST_ERR_DRAINING'))
    }
    this.#dials.abandon()
    this.#active.destroy()
    this.#upgraded.destroy()
    this.#draining.check()
  }

  /** The states of all connections, without upgraded ones. */
  connections (): ConnectionSnapshot[] {
    return snapshotsOf([...this.#active.all(), ...this.#idle.all()], this.sentinel.connection, this.#clock())
  }

  // Called by exchanges and connections.

  exchangeEnded (connection: Connection, reason: CloseReason | undefined, response: ResponseView | undefined): void {
    this.#returns.settle(connection, reason, response)
  }

  exchangeUpgraded (connection: Connection, response: ResponseView, socket: Duplex): void {
    this.#context.observers.responded(connection.view, response)
    this.#active.delete(connection)
    this.#bindings.release(connection)
    this.#upgraded.add(socket, () => {
      this.#closing.closed(connection, 'upgraded', undefined)
      this.#draining.check()
    })
    if (this.#destroyed) socket.destroy()
    this.#supply.fill()
  }

  connectionLost (connection: Connection, reason: CloseReason): void {
    if (connection.state === 'idle' && !this.#lost(connection, reason)) this.sentinel.lost(connection, reason)
  }

  // Called by the idle stack.

  get idleLimit (): number { return this.#context.belief.idleLimit }
  get minIdle (): number { return this.#context.options.pool.minIdle }
  quietBefore (connection: Connection): number { return this.#context.belief.quietBefore(connection) }

  /** Closes a connection that the idle stack has removed. */
  close (connection: Connection, reason: CloseReason, idleMs: number): void {
    if (reason === 'idle_limit') this.#closing.retire(connection, reason, idleMs)
    else this.#closing.close(connection, reason, idleMs)
    // A queued request may have waited for this connection's rest, so dial for it. Later, since the present `take` may still take a
    // connection.
    if (this.#waiters.queued > 0) queueMicrotask(() => this.#supply.fill())
  }

  /** Closes an idle connection; false where it is not idle. An active connection is closed when its exchange returns it. */
  #lost (connection: Connection, reason: CloseReason): boolean {
    if (!this.#idle.remove(connection)) return false
    this.#closing.close(connection, reason, this.#clock() - connection.idleSince)
    this.#supply.fill()
    return true
  }

  #stop (): void {
    this.#idle.stop()
    this.#returns.stop()
    this.#waiters.stop()
    this.#active.stop()
  }
}
